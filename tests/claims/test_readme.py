"""The README's scoreboard is the ledger's, and its commands exist."""

import re
from pathlib import Path

import pytest

from twm.book.evidence import make_readme_table, replace_table
from twm.book.ledger import judge_all
from twm.cli import make_parser
from twm.errors import UserError


def test_the_readme_shows_the_committed_verdicts(root: Path):
    text = (root / "README.md").read_text(encoding="utf-8")
    assert replace_table(text, make_readme_table()) == text, "run `twm book --record`"


def test_the_readme_names_what_does_not_hold_and_what_is_new():
    table = make_readme_table()
    for one in judge_all():
        listed = f"| `{one.id}` | {one.kind} |" in table
        assert listed == (one.beyond or (one.verdict == "differs" and not one.scale)), one.id
    # A bar in a text would open another cell, and a cell without a head is not shown.
    heads, rows = ([line for line in table.splitlines() if line.startswith(start)] for start in ("| claim", "| `"))
    assert heads and rows and all(len(re.findall(r"(?<!\\)\|", line)) == 5 for line in heads + rows)


@pytest.mark.parametrize("text", ["no markers", "<!-- scoreboard: end --> <!-- scoreboard: begin -->"])
def test_markers_must_stand_once_and_in_order(text: str):
    with pytest.raises(UserError, match="README.md"):
        replace_table(text, "table")


def test_every_command_that_the_readme_and_the_book_name_can_be_parsed(root: Path):
    pages = [root / "README.md", root / "CONTRIBUTING.md", *(root / "book").glob("*.md")]
    pattern = r"\btwm ((?:run|book|claims|check|doctor|train|sweep|analyse|bench)\b[^`\n]*)"
    named = {command for page in pages for command in re.findall(pattern, page.read_text(encoding="utf-8"))}
    # What is a form to fill in, or goes on in the shell, is no command as it stands.
    commands = {
        re.split("#|&&", command)[0].strip() for command in named if "NOTEBOOK" not in command and "..." not in command
    }
    whole = [command for command in commands if re.fullmatch(r"[\w.:,/= -]+", command)]
    assert len(whole) >= 3
    for command in whole:
        make_parser().parse_args(command.split())
