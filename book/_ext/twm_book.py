"""Sphinx extension of the book: numbers and verdicts come from the ledger and the records, never from typing.

Roles: ``{claim}`twm.pde``` shows a claim's verdict and links to its row on the scoreboard; ``{value}`twm.pde:order|.3f```
shows a recorded number. Directives: ``twm-scoreboard``, ``twm-counts``, ``twm-runs``, ``twm-profiles``, ``twm-errata`` and
``twm-animation``.
"""

import html
import math
import os
import re
import sys
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from docutils import nodes
from docutils.statemachine import StringList
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective, SphinxRole

from twm.book.evidence import EVIDENCE_VARIABLE, read_timings, summarise_profile
from twm.book.ledger import (
    HOMES, KINDS, SHORT_SOURCES, SOURCES, Claim, JudgedClaim, anchor, count_verdicts, judge_all, list_numbers,
    read_evidence,
)  # fmt: skip
from twm.book.session import PROFILES
from twm.paths import evidence_dir

sys.path.insert(0, str(Path(__file__).parents[1]))  # the checks of slips lie in book/errata
from errata.slips import Slip, check_slip, read_errata, show_value
from twm_trace import find_api_pages, trace_claims

logger = logging.getLogger(__name__)

#: Section titles that are not the ledger's word with a capital letter.
_TITLES = {"self-attention": "Self-attention", "wave-rnn": "Wave-RNN", "flip-flop": "Flip-flop"}

_ADDRESS = re.compile(r"^(?P<owner>[\w.]+):(?P<key>\w+)(?P<index>(?:\[-?\d+\])*)(?:\|(?P<format>.+))?$")


@lru_cache(maxsize=1)
def _evidence() -> dict[str, dict[str, Any]]:
    """Return the committed evidence with that of the run being published over it."""
    later = [Path(folder) for folder in os.environ.get(EVIDENCE_VARIABLE, "").split(os.pathsep) if folder]
    return read_evidence([evidence_dir(), *later])


@lru_cache(maxsize=1)
def _judged() -> dict[str, JudgedClaim]:
    return {claim.id: claim for claim in judge_all(evidence=_evidence())}


def _badge(verdict: str) -> nodes.inline:
    return nodes.inline("", verdict, classes=["twm-badge", f"twm-badge-{verdict.replace(' ', '-')}"])


class ClaimRole(SphinxRole):
    """Show a claim's id and verdict, linked to its row on the scoreboard."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        claim = _judged().get(self.text)
        if claim is None:
            logger.warning("there is no claim %r in book/claims.yml", self.text, location=self.get_location())
            return [nodes.literal("", self.text)], []
        target = self.env.app.builder.get_relative_uri(self.env.docname, "scoreboard")
        link = nodes.reference("", "", refuri=f"{target}#{anchor(claim.id)}", internal=True, classes=["twm-claim"])
        link += [nodes.literal("", claim.id), nodes.Text(" "), _badge(claim.verdict)]
        return [link], []


def _format_number(value: Any, style: str | None) -> str:
    if style and style.startswith("count "):
        noun = style.removeprefix("count ")
        return {0: f"no {noun}s", 1: f"one {noun}"}.get(value, f"{value:,} {noun}s")
    if style and isinstance(value, list):
        ends = [format(end, style) for end in (min(value), max(value))] if value else ["none", "none"]
        return ends[0] if ends[0] == ends[1] else " to ".join(ends)
    if isinstance(value, float) and value == 0:
        return "0"
    if style:
        return format(value, style)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.3g}"
    if isinstance(value, list):
        digits = _find_digits(value)
        return list_numbers(value, lambda part: _format_number(part, digits if isinstance(part, float) else None))
    return f"{value:,}" if isinstance(value, int) else str(value)


def _find_digits(values: list) -> str | None:
    """Return one format for floats of similar size, three digits for the largest; None where one would hide the smallest."""
    sizes = [abs(value) for value in values if isinstance(value, float) and value]
    if not sizes or max(sizes) > 1000 * min(sizes) or not 1e-4 < max(sizes) < 1e4:
        return None
    needed = max(len(f"{size:.3g}".partition(".")[2]) for size in sizes)
    return f".{min(needed, max(0, 2 - math.floor(math.log10(0.999 * max(sizes)))))}f"


class ValueRole(SphinxRole):
    """Show one recorded number: ``claim:key``, ``notebook:note``, with ``[index]`` and ``|format`` where wanted; ``|count seed``
    makes it "no seeds", "one seed" or "3 seeds". Of a list with a format the range is shown."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        match = _ADDRESS.match(self.text)
        if match is None:
            logger.warning(
                "%r is not owner:key, owner:key[i] or owner:key|format", self.text, location=self.get_location()
            )
            return [nodes.literal("", self.text)], []
        owner, key = match["owner"], match["key"]
        try:
            value = self._look_up(owner, key)
            if value is None:
                return [nodes.inline("", "not run", classes=["twm-value"])], []
            for index in re.findall(r"-?\d+", match["index"]):
                value = value[int(index)]
            text = _format_number(value, match["format"])
        except (KeyError, IndexError, TypeError, ValueError) as error:
            logger.warning("no recorded number %r (%s)", self.text, error, location=self.get_location())
            return [nodes.literal("", self.text)], []
        # A number with a power of ten is set as mathematics; anything else as text.
        power = re.fullmatch(r"(-?[\d.]+)e([+-]\d+)", text)
        if power:
            return [nodes.math("", rf"{power[1]}\times 10^{{{int(power[2])}}}")], []
        return [
            nodes.inline(
                "",
                text.replace("-", "\N{MINUS SIGN}") if isinstance(value, (int, float, list)) else text,
                classes=["twm-value"],
            )
        ], []

    @staticmethod
    def _look_up(owner: str, key: str) -> Any:
        if owner in HOMES.values():
            return _evidence()[owner]["notes"][key]
        claim = _judged()[owner]
        page = _evidence().get(claim.notebook)
        if page is None or owner in page["not_run"]:
            return None
        return page["claims"][owner]["numbers"][key]


def _cell(content: str | nodes.Node | Iterable[nodes.Node], kind: str) -> nodes.entry:
    entry = nodes.entry("", classes=[f"twm-col-{kind}"])
    paragraph = nodes.paragraph()
    if isinstance(content, str):
        paragraph += nodes.Text(content)
    elif isinstance(content, nodes.Node):
        paragraph += content
    else:
        paragraph += list(content)
    entry += paragraph
    return entry


def _mark_code(text: str) -> list[nodes.Node]:
    """Return a text with what stands between backticks set as code."""
    parts = text.split("`")
    return [nodes.literal("", part) if place % 2 else nodes.Text(part) for place, part in enumerate(parts) if part]


def _table(columns: list[tuple[str, str, int]], rows: list[nodes.row], name: str) -> nodes.table:
    """Return a docutils table. Columns are (heading, kind, width); kinds become classes that the style sheet uses."""
    table = nodes.table("", classes=["twm-table", name])
    group = nodes.tgroup("", cols=len(columns))
    table += group
    for _, _, width in columns:
        group += nodes.colspec("", colwidth=width)
    head, body = nodes.thead(), nodes.tbody()
    head_row = nodes.row()
    for heading, kind, _ in columns:
        head_row += _cell(heading, kind)
    head += head_row
    body += rows
    group += [head, body]
    return table


def _row(cells: list[nodes.entry], row_id: str | None = None) -> nodes.row:
    row = nodes.row()
    row += cells
    if row_id:
        row["ids"].append(row_id)
    return row


def _show_number(value: Any) -> str:
    """Return a recorded number for a list of them: long lists are cut, with their length said."""
    if isinstance(value, Mapping):
        return "; ".join(f"{key}: {_show_number(part)}" for key, part in value.items())
    if isinstance(value, list) and len(value) > 24:
        return f"{_show_number(value[:24])}, \N{HORIZONTAL ELLIPSIS} ({len(value)} in all)"
    if isinstance(value, list):
        return ", ".join(_show_number(part) for part in value)
    return _format_number(value, None).replace("-", "\N{MINUS SIGN}") if isinstance(value, (int, float)) else str(value)


def _show_criteria(claim: Claim) -> list[nodes.Node]:
    """Return in words when a claim holds, and what runs to come will be judged by, if that stands already."""
    shown: list[nodes.Node] = [nodes.Text(claim.criterion or claim.check)]
    if claim.planned:
        shown.append(nodes.inline("", "", nodes.Text(" Planned: "), *_mark_code(claim.planned), classes=["twm-where"]))
    return shown


class ScoreboardDirective(SphinxDirective):
    """Every claim: what the paper says, its number, ours, seeds, tolerance, verdict, link; a section a notebook."""

    _COLUMNS = [
        ("Claim and verdict", "id", 20), ("Statement", "says", 34), ("Result", "ours", 30),
        ("Criterion", "accept", 22), ("Check and numbers", "more", 30),
    ]  # fmt: skip

    def run(self) -> list[nodes.Node]:
        return [self._make_section(home, notebook) for home, notebook in HOMES.items()]

    def _make_section(self, home: str, notebook: str) -> nodes.section:
        claims = [claim for claim in _judged().values() if claim.home == home]
        section = nodes.section("", ids=[f"scoreboard-{home}"], names=[])
        section += nodes.title("", _TITLES.get(home, home.replace("-", " ").capitalize()))
        for kind in KINDS:
            counts = count_verdicts(claim for claim in claims if claim.kind == kind)
            told = ", ".join(f"{count} {verdict}" for verdict, count in counts.items() if count)
            section += [nodes.paragraph("", f"{kind.capitalize()} claims ({sum(counts.values())}): {told}.")] if told else []
        section += _table(self._COLUMNS, [self._make_row(claim) for claim in claims], "twm-scoreboard")
        return section

    def _make_row(self, claim: JudgedClaim) -> nodes.row:
        # Entered into the index, so that the search for an id finds the row.
        entry = addnodes.index(entries=[("single", claim.id, anchor(claim.id), "main", None)])
        head: list[nodes.Node] = [entry, nodes.literal("", claim.id), nodes.Text(" "), _badge(claim.verdict)]
        if claim.value:
            head += [nodes.Text(" "), self._link("evidence", *claim.link.split(".html"))]
        place = SHORT_SOURCES[claim.source] + (f", {claim.where}" if claim.where != "none" else "")
        says: list[nodes.Node] = [nodes.Text(claim.says), nodes.inline("", f" ({place})", classes=["twm-where"])]
        if claim.paper:
            says += [nodes.inline("", " The paper's number: ", classes=["twm-label"]), nodes.Text(claim.paper)]
        ours: list[nodes.Node] = [nodes.Text(claim.value or "\N{EM DASH}")]
        details = []
        if claim.seeds is not None:
            counts = {"seed": claim.seeds, "network": claim.networks, "setting": claim.settings}
            told = [f"{count} {word}{'s' if count != 1 else ''}" for word, count in counts.items() if count is not None]
            details.append(", ".join([claim.kind, *told, f"{claim.profile} profile"]))
        if claim.reason:
            details.append(claim.reason.rstrip("."))
        if details:
            ours.append(nodes.inline("", "", *_mark_code(f" ({'; '.join(details)})"), classes=["twm-where"]))
        cells = [
            _cell(head, "id"),
            _cell(says, "says"),
            _cell(ours, "ours"),
            _cell(_show_criteria(claim), "accept"),
        ]
        # The style sheet gives this cell the whole width below the others.
        cells.append(nodes.entry("", *self._make_details(claim), classes=["twm-col-more"]))
        row = _row(cells, anchor(claim.id))
        # Read by the filters of the page, which know nothing but classes.
        row["classes"] += [
            f"twm-source-{claim.source}", f"twm-home-{claim.home}", f"twm-verdict-{claim.verdict.replace(' ', '-')}",
            f"twm-kind-{claim.kind}",
        ]  # fmt: skip
        return row

    def _link(self, text: str, page: str, place: str) -> nodes.reference:
        target = self.env.app.builder.get_relative_uri(self.env.docname, page) + place
        return nodes.reference("", text, refuri=target, internal=True)

    def _link_origin(self, claim: JudgedClaim) -> list[list[nodes.Node]]:
        """Return links to the cell that recorded a claim's numbers, and to the functions that it calls."""
        trace = trace_claims(Path(self.env.srcdir) / "pages" / f"{claim.notebook}.ipynb").get(claim.id)
        if trace is None:
            return []
        pages = find_api_pages(Path(self.env.srcdir) / "api")
        functions: list[nodes.Node] = []
        for name in trace.functions:
            module, _, short = name.rpartition(".")
            if module in pages:
                functions += [nodes.Text(", " if functions else ""), self._link(short, pages[module], f"#{name}")]
        cell = [self._link("notebook cell", f"pages/{claim.notebook}", f"#{_name_cell(claim.id)}")]
        return [cell, functions] if functions else [cell]

    def _make_details(self, claim: JudgedClaim) -> list[nodes.Node]:
        """Return what a row opens to: the check, the criteria, the recorded numbers, and where they come from.

        It is an element of HTML that opens without a script.
        """
        lines = nodes.definition_list(classes=["twm-more-list"])

        def add(term: str, *content: nodes.Node) -> None:
            item = nodes.definition_list_item()
            item += [nodes.term("", term), nodes.definition("", nodes.paragraph("", "", *content))]
            lines.append(item)

        add("Check", *_mark_code(claim.check))
        for term, text, usual in (("Partly if", claim.part, "False"), ("Undecided unless", claim.needs, "True")):
            if text != usual:
                add(term, nodes.literal("", text))
        for term, text in (("Expected", claim.expects), ("Population", claim.population), ("Data", claim.data)):
            if text:
                add(term, *_mark_code(text))
        for change in claim.changes:
            add(f"Changed {change['date']}", *_mark_code(f"{change['what']}; reason: {change['why']}"))
        for term, links in zip(("Recorded in", "Functions"), self._link_origin(claim)):
            add(term, *links)
        if claim.scale:
            add("Scale", nodes.Text(claim.scale))
        table = self._find_table(claim)
        if table:
            add("Figure data", nodes.raw("", table, format="html"))
        for key, value in sorted(claim.numbers.items()):
            add(key.replace("_", " "), nodes.inline("", _show_number(value), classes=["twm-value"]))
        if claim.made:
            made = claim.made
            add(
                "Computed",
                nodes.Text(f"{made['date']} on {made['device']}, torch {made['torch']}, commit {made['commit']}"),
            )
        summary = f'<summary>Check and numbers<span class="twm-hidden"> of {html.escape(claim.id)}</span></summary>'
        opening = nodes.raw("", f'<details class="twm-more">{summary}', format="html")
        decides = nodes.paragraph(
            "", "", nodes.inline("", "Decided by ", classes=["twm-label"]), nodes.literal("", claim.accept)
        )
        return [decides, opening, lines, nodes.raw("", "</details>", format="html")]

    def _find_table(self, claim: JudgedClaim) -> str:
        """Return a link to the numbers behind the claim's figure, point by point; nothing where it has none."""
        page, _, label = claim.link.partition(".html#")
        source = getattr(self.env, "twm_sources", {}).get(page, {}).get(label)
        if source is None or not source.csv:
            return ""
        address = f"_static/data/{page.partition('/')[2]}/{label}.csv"
        return f'<a href="{address}" download>{label}.csv</a>'


class CountsDirective(SphinxDirective):
    """Counts of the exact and of the trained claims by verdict; as ``{twm-counts} errata``, of the slips by paper."""

    optional_arguments = 1

    def run(self) -> list[nodes.Node]:
        if self.arguments == ["errata"]:
            return self._count_errata()
        return [nodes.container("", *(self._count_kind(kind) for kind in KINDS), classes=["twm-counts"])]

    @staticmethod
    def _count_kind(kind: str) -> nodes.paragraph:
        judged = [claim for claim in _judged().values() if claim.kind == kind]
        line = nodes.paragraph("", "", nodes.strong("", f"{len(judged)} {kind} claims"), nodes.Text(": "))
        for number, (verdict, count) in enumerate(pair for pair in count_verdicts(judged).items() if pair[1]):
            line += [nodes.Text(f"{', ' if number else ''}{count} "), _badge(verdict)]
        return line

    @staticmethod
    def _count_errata() -> list[nodes.Node]:
        errata = read_errata()
        counts = {source: sum(erratum.source == source for erratum in errata) for source in SOURCES}
        shares = ", ".join(f"{count} in the {SHORT_SOURCES[source]}" for source, count in counts.items() if count)
        return [nodes.paragraph("", "", nodes.strong("", f"{len(errata)} errors"), nodes.Text(f": {shares}."))]


class RunsDirective(SphinxDirective):
    """What ran for this site: notebook, profile, seed, device, versions, time, memory, date, commit."""

    _COLUMNS = [
        ("Notebook", "notebook", 18), ("Profile", "profile", 8), ("Seed", "seed", 5), ("Device", "device", 20),
        ("Versions", "versions", 22), ("Time", "time", 8), ("Memory", "memory", 8), ("Date and commit", "date", 18),
    ]  # fmt: skip

    def run(self) -> list[nodes.Node]:
        rows = []
        for name, page in sorted(_evidence().items()):
            versions = ", ".join(f"{key} {page[key]}" for key in ("python", "numpy", "torch") if page[key])
            rows.append(
                _row(
                    [
                        _cell(name, "notebook"), _cell(page["profile"], "profile"), _cell(str(page["seed"]), "seed"),
                        _cell(page["device"], "device"), _cell(versions, "versions"), _cell(f"{page['seconds']:.0f} s", "time"),
                        _cell(f"{page['memory_mb']} MB", "memory"), _cell(f"{page['date']}, {page['commit']}", "date"),
                    ]
                )
            )  # fmt: skip
        return [_table(self._COLUMNS, rows, "twm-runs")]


class ProfilesDirective(SphinxDirective):
    """What each profile is for, and what it took when it was last recorded."""

    _COLUMNS = [
        ("Profile", "profile", 10), ("Purpose", "purpose", 34), ("Saved results", "reuse", 14), ("Measured", "measured", 24),
        ("Budget on 2 cores", "budget", 14),
    ]  # fmt: skip

    def run(self) -> list[nodes.Node]:
        timings, rows = read_timings(), []
        for name, profile in PROFILES.items():
            summary = summarise_profile(timings.get(name, {}))
            measured = "not measured"
            if summary["notebooks"]:
                device = next(iter(timings[name].values()))["device"]
                measured = f"{summary['seconds'] / 60:.1f} min, {summary['memory_mb']} MB, {summary['notebooks']} notebooks, {device}"
            rows.append(
                _row(
                    [
                        _cell(nodes.literal("", name), "profile"), _cell(profile.purpose, "purpose"),
                        _cell("used" if profile.reuse else "never used", "reuse"), _cell(measured, "measured"),
                        _cell(f"{profile.budget / 60:.0f} min", "budget"),
                    ]
                )
            )  # fmt: skip
        return [_table(self._COLUMNS, rows, "twm-profiles")]


class ErrataDirective(SphinxDirective):
    """Each slip with the check that fails as printed and passes as corrected; the checks run here, at every build."""

    def run(self) -> list[nodes.Node]:
        lines: list[str] = []
        source = None
        for erratum in read_errata():
            if erratum.source != source:
                source = erratum.source
                lines += [f"## {SOURCES[source]}", ""]
            lines += _describe_erratum(erratum)
        root = nodes.section()
        root.document = self.state.document
        self.state.nested_parse(StringList(lines, "twm-errata"), self.content_offset, root, match_titles=True)
        return root.children


def _describe_erratum(slip: Slip) -> list[str]:
    found = check_slip(slip)
    return [
        f"(erratum-{slip.id.replace('.', '-')})=",
        f"### {slip.where}",
        "",
        f"As printed\n: {slip.printed}\n",
        f"Corrected\n: {slip.corrected}\n",
        f"Why\n: {slip.why}\n",
        f"Check\n: {slip.measures}: printed form {show_value(found.printed)} (fails), corrected form "
        f"{show_value(found.corrected)} (passes). `{slip.id}`\n",
        "",
    ]


class AnimationDirective(SphinxDirective):
    """A moving picture or the lattice toy, made at build time by name, for pages that are not notebooks."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        from twm.book.figures import front_page

        makers = {"front": front_page.make_front_page_animation, "lattice": front_page.LatticeToy}
        if self.arguments[0] not in makers:
            logger.warning(
                "there is no animation %r: choose one of %s",
                self.arguments[0],
                ", ".join(makers),
                location=self.get_location(),
            )
            return []
        return [nodes.raw("", makers[self.arguments[0]]()._repr_html_(), format="html")]


def _name_cell(claim_id: str) -> str:
    return "records-" + claim_id.replace(".", "-")


def name_recording_cells(app: Sphinx, doctree: nodes.document) -> None:
    """Give the cells of a notebook that recorded a claim's numbers an anchor."""
    traces = trace_claims(Path(app.srcdir) / f"{app.env.docname}.ipynb")
    for cell in doctree.findall(nodes.container) if traces else ():
        if "cell" in cell["classes"]:
            blocks = {block.astext().strip() for block in cell.findall(nodes.literal_block)}
            cell["ids"] += [_name_cell(claim) for claim, trace in traces.items() if trace.code.strip() in blocks]


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the roles and directives."""
    app.connect("doctree-read", name_recording_cells)
    app.add_role("claim", ClaimRole())
    app.add_role("value", ValueRole())
    for name, directive in {
        "twm-scoreboard": ScoreboardDirective,
        "twm-counts": CountsDirective,
        "twm-runs": RunsDirective,
        "twm-profiles": ProfilesDirective,
        "twm-errata": ErrataDirective,
        "twm-animation": AnimationDirective,
    }.items():
        app.add_directive(name, directive)
    return {"parallel_read_safe": False, "parallel_write_safe": True}
