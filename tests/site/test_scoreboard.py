"""The scoreboard: filters and orders with a script, every word without one, and links to where the numbers come from."""

import re

import pytest
from twm.book.ledger import HOMES, KINDS, SHORT_SOURCES, VERDICTS, anchor, read_ledger

pytestmark = [pytest.mark.browser, pytest.mark.slow]

ROWS = """() => [...document.querySelectorAll('table.twm-scoreboard tbody tr')].filter(r => r.checkVisibility()).map(r => r.id)"""
SPILLED = """() => [...document.querySelectorAll('table.twm-scoreboard tbody td')].filter(
  d => [...d.querySelectorAll('*')].some(e => e.getBoundingClientRect().right > d.getBoundingClientRect().right + 1)
).map(d => d.closest('tr').id)"""


@pytest.fixture
def board(site, visit):
    with visit(f"{site.as_uri()}/scoreboard.html") as seen:
        yield seen.page
        assert not seen.messages


@pytest.fixture(scope="module")
def ledger() -> list:
    """All claims, notebook by notebook."""
    homes = list(HOMES)
    return sorted(read_ledger(), key=lambda claim: homes.index(claim.home))


def anchors(claims) -> list[str]:
    return [anchor(claim.id) for claim in claims]


def test_every_filter_keeps_what_it_names(board, ledger):
    assert sorted(board.evaluate(ROWS)) == sorted(anchors(ledger))
    for label, field, word in (("Paper", "source", "wrnn"), ("Notebook", "home", "theory"), ("Kind", "kind", "exact")):
        board.get_by_label(label).select_option(word)
        kept = [claim for claim in ledger if getattr(claim, field) == word]
        assert 0 < len(kept) < len(ledger) and board.evaluate(ROWS) == anchors(kept), "in the ledger's order"
        assert board.locator(".twm-filters-count").inner_text() == f"{len(kept)} of {len(ledger)} claims."
        board.get_by_label(label).select_option("")
    board.get_by_label("Verdict").select_option("reproduced")
    words = board.locator("table.twm-scoreboard tbody tr .twm-badge").filter(visible=True).all_inner_texts()
    assert words and set(words) == {"reproduced"}
    board.get_by_label("Verdict").select_option("")
    for words, kept in (("theorem 3.1", ["claim-twm-thm31"]), ("qqxyzzy", [])):
        board.get_by_label("Words").fill(words)
        assert board.evaluate(ROWS) == kept
    assert board.get_by_label("Paper").locator("option").all_inner_texts() == ["all", *SHORT_SOURCES.values()]
    assert board.get_by_label("Kind").locator("option").all_inner_texts() == ["all", *KINDS]


def test_orders(board, ledger):
    board.get_by_label("Order").select_option("id")
    assert board.evaluate(ROWS) == anchors(sorted(ledger, key=lambda claim: claim.id))
    board.get_by_label("Order").select_option("verdict")
    ranks = [VERDICTS.index(word) for word in board.locator("table.twm-scoreboard .twm-badge").all_text_contents()]
    assert ranks == sorted(ranks)
    board.get_by_label("Order").select_option("book")
    assert board.evaluate(ROWS) == anchors(ledger)


def test_a_row_shows_what_decides_and_opens_to_its_check_and_numbers(board, ledger):
    row = board.locator("#claim-twm-pde")
    claim = next(claim for claim in ledger if claim.id == "twm.pde")
    assert row.locator(".twm-col-more > p code").inner_text() == claim.accept
    row.locator("summary").focus()
    board.keyboard.press("Enter")
    text = row.locator("details").inner_text()
    assert all(part in text for part in (claim.check, claim.part, "growth predicted", "commit"))
    assert row.locator("dl.twm-more-list").bounding_box()["width"] > 0.9 * row.bounding_box()["width"]
    board.get_by_role("button", name="Open all").click()
    assert board.locator("details.twm-more[open]").count() == len(ledger)
    assert board.evaluate(SPILLED) == [], "nothing runs from one cell into the next"
    board.get_by_role("button", name="Close all").click()
    assert board.locator("details.twm-more[open]").count() == 0


def test_every_row_leads_to_the_cell_the_functions_and_the_numbers_behind_it(board, site, ledger):
    links = {
        claim.id: board.locator(f"#{anchor(claim.id)} dl.twm-more-list a").evaluate_all(
            "all => all.map(a => a.getAttribute('href'))"
        )
        for claim in ledger
    }
    assert any(link.endswith("#twm.theory.lattice.euler_advect") for link in links["twm.pde"])
    (table,) = [link for link in links["twm.pde"] if link.endswith("fig-theory-courant.csv")]
    assert (site / table).read_text(encoding="utf-8").count("\n") > 10
    pages = {}
    for claim, found in links.items():
        assert any(f"#records-{claim.replace('.', '-')}" in link for link in found), f"{claim}: no cell recorded it"
        for address, _, place in (link.partition("#") for link in found if "#" in link):
            text = pages.setdefault(address, (site / address).read_text(encoding="utf-8"))
            assert f'id="{place}"' in text, f"{claim}: {address} has no {place}"


def test_a_link_to_a_claim_opens_its_row(site, visit):
    with visit(f"{site.as_uri()}/scoreboard.html#claim-twm-thm31") as seen:
        assert seen.page.locator("#claim-twm-thm31 details").evaluate("d => d.open")
        seen.page.get_by_label("Paper").select_option("mem")
        seen.page.evaluate("location.hash = '#claim-twm-pde'")
        seen.page.wait_for_function("document.querySelector('#claim-twm-pde details').open")
        assert seen.page.locator("#claim-twm-pde").is_visible(), "a filter gives way to a link"


def test_without_javascript_everything_is_there(site, visit, ledger):
    with visit(f"{site.as_uri()}/scoreboard.html", java_script_enabled=False) as seen:
        text = seen.page.locator("article").inner_text()
        assert seen.page.locator(".twm-filters").count() == 0 and all(claim.id in text for claim in ledger)
        seen.page.locator("#claim-twm-pde summary").click()
        assert seen.page.locator("#claim-twm-pde dl.twm-more-list").is_visible()


@pytest.mark.parametrize(
    ("query", "target"),
    [("twm.table1.mae", "scoreboard.html#claim-twm-table1-mae"), ("W_hh", "notation.html"), ("W_uh", "notation.html")],
)
def test_search_finds_claims_and_symbols(site, visit, query, target):
    with visit(f"{site.as_uri()}/search.html?q={query}") as seen:
        seen.page.wait_for_selector("#search-results li a")
        seen.page.wait_for_function("!/Searching|^\\s*$/.test(document.querySelector('#search-results').innerText)")
        links = seen.page.eval_on_selector_all("#search-results li a", "all => all.map(a => a.getAttribute('href'))")
        assert any(re.sub(r"\?[^#]*", "", link).startswith(target) for link in links[:5]), links[:8]
