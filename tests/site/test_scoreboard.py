"""The scoreboard: filters and orders with a script, every word without one."""

import re

import pytest
from twm.book.ledger import HOMES, SHORT_SOURCES, VERDICTS, read_ledger

pytestmark = [pytest.mark.browser, pytest.mark.slow]

ROWS = """() => [...document.querySelectorAll('table.twm-scoreboard tbody tr')].filter(r => r.checkVisibility()).map(r => r.id)"""


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
    return [f"claim-{claim.id.replace('.', '-')}" for claim in claims]


def test_every_filter_keeps_what_it_names(board, ledger):
    order = sorted(anchors(ledger))
    assert sorted(board.evaluate(ROWS)) == order
    board.get_by_label("Paper").select_option("wrnn")
    kept = [claim for claim in ledger if claim.source == "wrnn"]
    assert 0 < len(kept) < len(ledger) and sorted(board.evaluate(ROWS)) == sorted(anchors(kept))
    assert board.locator(".twm-filters-count").inner_text() == f"{len(kept)} of {len(ledger)} claims."
    board.get_by_label("Paper").select_option("")
    board.get_by_label("Notebook").select_option("theory")
    kept = [claim for claim in ledger if claim.home == "theory"]
    assert board.evaluate(ROWS) == anchors(kept), "in the ledger's order"
    board.get_by_label("Notebook").select_option("")
    board.get_by_label("Verdict").select_option("reproduced")
    words = board.eval_on_selector_all(
        "table.twm-scoreboard tbody tr",
        "rows => rows.filter(r => r.checkVisibility()).map(r => r.querySelector('.twm-badge').textContent)",
    )
    assert words and set(words) == {"reproduced"}
    board.get_by_label("Verdict").select_option("")
    board.get_by_label("Words").fill("theorem 3.1")
    assert board.evaluate(ROWS) == ["claim-twm-thm31"]
    board.get_by_label("Words").fill("qqxyzzy")
    assert board.evaluate(ROWS) == [] and board.locator(".twm-filters-count").inner_text().startswith("0 of")


def test_papers_are_named_as_everywhere(board):
    named = board.get_by_label("Paper").locator("option").all_inner_texts()
    assert named == ["all", *SHORT_SOURCES.values()]


def test_orders(board, ledger):
    board.get_by_label("Order").select_option("id")
    assert board.evaluate(ROWS) == [anchors([c])[0] for c in sorted(ledger, key=lambda claim: claim.id)]
    board.get_by_label("Order").select_option("verdict")
    words = board.eval_on_selector_all("table.twm-scoreboard tbody tr .twm-badge", "all => all.map(b => b.textContent)")
    ranks = [VERDICTS.index(word) for word in words]
    assert ranks == sorted(ranks)
    board.get_by_label("Order").select_option("book")
    assert board.evaluate(ROWS) == anchors(ledger)


def test_a_row_opens_to_its_check_and_numbers(board, ledger):
    row = board.locator("#claim-twm-pde")
    row.locator("summary").focus()
    board.keyboard.press("Enter")
    text = row.locator("details").inner_text()
    check = next(claim.check for claim in ledger if claim.id == "twm.pde")
    assert check in text and "Partly when" in text and "growth predicted" in text and "commit" in text
    board.get_by_role("button", name="Open all").click()
    assert board.locator("details.twm-more[open]").count() == len(ledger)
    board.get_by_role("button", name="Close all").click()
    assert board.locator("details.twm-more[open]").count() == 0


def test_what_a_row_opens_to_has_the_width_of_the_row(board):
    row = board.locator("#claim-twm-table1-acc")
    row.locator("summary").click()
    wide = row.bounding_box()["width"]
    assert row.locator("dl.twm-more-list").bounding_box()["width"] > 0.9 * wide
    spilled = board.evaluate(
        """() => [...document.querySelectorAll('table.twm-scoreboard tbody td')].filter(
             d => [...d.querySelectorAll('*')].some(e => e.getBoundingClientRect().right > d.getBoundingClientRect().right + 1)
           ).map(d => d.closest('tr').id)"""
    )
    assert spilled == [], "nothing runs from one cell into the next"


def test_a_row_leads_to_the_numbers_of_its_figure(board, site):
    row = board.locator("#claim-twm-pde")
    row.locator("summary").click()
    link = row.locator("dl.twm-more-list").get_by_role("link").get_attribute("href")
    assert link.endswith("fig-theory-courant.csv") and (site / link).read_text(encoding="utf-8").count("\n") > 10


def test_a_link_to_a_claim_opens_its_row(site, visit):
    with visit(f"{site.as_uri()}/scoreboard.html#claim-twm-thm31") as seen:
        assert seen.page.locator("#claim-twm-thm31 details").evaluate("d => d.open")
        seen.page.get_by_label("Paper").select_option("mem")
        seen.page.evaluate("location.hash = '#claim-twm-pde'")
        seen.page.wait_for_function("document.querySelector('#claim-twm-pde details').open")
        assert seen.page.locator("#claim-twm-pde").is_visible(), "a filter gives way to a link"


def test_without_javascript_everything_is_there(site, visit, ledger):
    with visit(f"{site.as_uri()}/scoreboard.html", java_script_enabled=False) as seen:
        page = seen.page
        assert page.locator(".twm-filters").count() == 0
        text = page.locator("article").inner_text()
        assert all(claim.id in text for claim in ledger)
        page.locator("#claim-twm-pde summary").click()
        assert page.locator("#claim-twm-pde dl.twm-more-list").is_visible()


def test_search_finds_claims_and_symbols(site, visit):
    for query, target in (
        ("twm.table1.mae", "scoreboard.html#claim-twm-table1-mae"),
        ("W_hh", "notation.html"),
        ("W_uh", "notation.html"),
    ):
        with visit(f"{site.as_uri()}/search.html?q={query}") as seen:
            seen.page.wait_for_selector("#search-results li a")
            seen.page.wait_for_function("!/Searching|^\\s*$/.test(document.querySelector('#search-results').innerText)")
            links = seen.page.eval_on_selector_all(
                "#search-results li a", "all => all.map(a => a.getAttribute('href'))"
            )
            assert any(re.sub(r"\?[^#]*", "", link).startswith(target) for link in links[:5]), (query, links[:8])
