"""Labels of the bibliography as the text cites: "Keller et al., 2024" and not "KMSW24"."""

from collections.abc import Iterable
from typing import Any

from pybtex.database import Entry
from pybtex.plugin import register_plugin
from pybtex.style.formatting.unsrt import Style
from pybtex.style.labels import BaseLabelStyle
from sphinx.application import Sphinx

#: Of the style, in _config.yml.
NAME = "twm_author_year"


def make_label(entry: Entry) -> str:
    """Return the authors' last names, the first alone from three on, and the year."""
    names = [" ".join([*person.prelast_names, *person.last_names]) for person in entry.persons.get("author", ())]
    told = f"{names[0]} et al." if len(names) > 2 else " and ".join(names)
    return f"{told.replace('{', '').replace('}', '')}, {entry.fields['year']}"


class AuthorYearLabels(BaseLabelStyle):
    """Author and year, with a letter where two entries would have one label."""

    def format_labels(self, sorted_entries: Iterable[Entry]) -> Iterable[str]:
        """Return the labels, in the order of the entries."""
        labels = [make_label(entry) for entry in sorted_entries]
        for number, label in enumerate(labels):
            same = [place for place, other in enumerate(labels) if other == label]
            yield label + (chr(ord("a") + same.index(number)) if len(same) > 1 else "")


class AuthorYearStyle(Style):
    """Entries as pybtex writes them, sorted by author and year."""

    default_label_style = AuthorYearLabels
    default_sorting_style = "author_year_title"


def setup(app: Sphinx) -> dict[str, Any]:
    """Make the style known to pybtex under its name."""
    register_plugin("pybtex.style.formatting", NAME, AuthorYearStyle)
    return {"version": "1.0", "parallel_read_safe": True, "parallel_write_safe": True}
