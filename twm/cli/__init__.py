"""The ``twm`` command. Exit codes: 0 done, 1 a check failed, 2 wrong usage or bad input."""

import argparse
import os
import sys
from typing import Sequence

from twm import __version__
from twm.cli.analysis import add_analysis_commands
from twm.cli.book import add_book_commands
from twm.cli.options import Parser
from twm.cli.training import add_training_commands
from twm.errors import UserError

# Only the standard library and small modules are imported here: `twm --help` and `twm claims` start in well under a
# second because torch, papermill and Sphinx are imported by the commands that use them.


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = Parser(
        prog="twm",
        description="The companion to 'Hidden Traveling Waves bind Working Memory Variables in Recurrent Neural Networks'.",
    )
    parser.add_argument("--version", action="version", version=f"twm {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True, parser_class=Parser)

    add_book_commands(commands)
    add_training_commands(commands)
    add_analysis_commands(commands)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    try:
        options = make_parser().parse_args(arguments)
        return options.run(options)
    except UserError as error:
        print(f"twm: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("twm: stopped; everything that was published before is as it was", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # The reader of our output went away (`twm claims | head`): nothing is wrong.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        if type(error).__name__ not in ("NotebookFailed", "SiteFailed"):
            raise
        print(f"twm: {' '.join(str(error).split())}", file=sys.stderr)
        return 1
