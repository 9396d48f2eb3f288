"""What the commands share: a parser whose errors are one line, and where to say things."""

import argparse
import sys
from typing import NoReturn

from twm.errors import UserError


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors are one line."""

    def error(self, message: str) -> NoReturn:
        """Raise what argparse would print."""
        raise UserError(f"{message} (see {self.prog} --help)")


def say(options: argparse.Namespace, line: str) -> None:
    """Print a line on the way, beside stdout where that is kept for JSON."""
    print(line, file=sys.stderr if options.json else sys.stdout, flush=True)
