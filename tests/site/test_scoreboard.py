"""The scoreboard: filters and orders with a script, every word without one, and links to where the numbers come from."""

import pytest

from tests.site.conftest import ask
from twm.book.ledger import HOMES, KINDS, SHORT_SOURCES, VERDICTS, anchor, read_ledger

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture
def board(read):
    with read("scoreboard.html") as page:
        yield page


@pytest.fixture(scope="module")
def ledger() -> list:
    """All claims, notebook by notebook."""
    homes = list(HOMES)
    return sorted(read_ledger(), key=lambda claim: homes.index(claim.home))


def anchors(claims) -> list[str]:
    return [anchor(claim.id) for claim in claims]


def test_every_filter_keeps_what_it_names(board, ledger):
    assert sorted(ask(board, "listClaims")) == sorted(anchors(ledger))
    for label, field, word in (("Paper", "source", "wrnn"), ("Notebook", "home", "theory"), ("Kind", "kind", "exact")):
        board.get_by_label(label).select_option(word)
        kept = [claim for claim in ledger if getattr(claim, field) == word]
        assert 0 < len(kept) < len(ledger) and ask(board, "listClaims") == anchors(kept), "in the ledger's order"
        assert board.locator(".twm-filters-count").inner_text() == f"{len(kept)} of {len(ledger)} claims."
        board.get_by_label(label).select_option("")
    board.get_by_label("Verdict").select_option("reproduced")
    words = board.locator("table.twm-scoreboard tbody tr .twm-badge").filter(visible=True).all_inner_texts()
    assert words and set(words) == {"reproduced"}
    board.get_by_label("Verdict").select_option("")
    for words, kept in (("theorem 3.1", ["claim-twm-thm31"]), ("qqxyzzy", [])):
        board.get_by_label("Words").fill(words)
        assert ask(board, "listClaims") == kept
    assert board.get_by_label("Paper").locator("option").all_inner_texts() == ["all", *SHORT_SOURCES.values()]
    assert board.get_by_label("Kind").locator("option").all_inner_texts() == ["all", *KINDS]


def test_orders(board, ledger):
    board.get_by_label("Order").select_option("id")
    assert ask(board, "listClaims") == anchors(sorted(ledger, key=lambda claim: claim.id))
    board.get_by_label("Order").select_option("verdict")
    ranks = [VERDICTS.index(word) for word in board.locator("table.twm-scoreboard .twm-badge").all_text_contents()]
    assert ranks == sorted(ranks)
    board.get_by_label("Order").select_option("book")
    assert ask(board, "listClaims") == anchors(ledger)


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
    assert ask(board, "findSpilled") == [], "nothing runs from one cell into the next"
    board.get_by_role("button", name="Close all").click()
    assert board.locator("details.twm-more[open]").count() == 0


def test_every_row_leads_to_the_cell_the_functions_and_the_numbers_behind_it(board, site, ledger):
    read_links, links = "all => all.map(a => a.getAttribute('href'))", {}
    for claim in ledger:
        links[claim.id] = board.locator(f"#{anchor(claim.id)} dl.twm-more-list a").evaluate_all(read_links)
    assert any(link.endswith("#twm.theory.lattice.euler_advect") for link in links["twm.pde"])
    (table,) = [link for link in links["twm.pde"] if link.endswith("fig-theory-courant.csv")]
    assert (site / table).read_text(encoding="utf-8").count("\n") > 10
    pages = {}
    for claim, found in links.items():
        assert any(f"#records-{claim.replace('.', '-')}" in link for link in found), f"{claim}: no cell recorded it"
        for address, _, place in (link.partition("#") for link in found if "#" in link):
            text = pages.setdefault(address, (site / address).read_text(encoding="utf-8"))
            assert f'id="{place}"' in text, f"{claim}: {address} has no {place}"


def test_a_link_to_a_claim_opens_its_row(read):
    with read("scoreboard.html#claim-twm-thm31") as page:
        assert page.locator("#claim-twm-thm31 details").evaluate("d => d.open")
        page.get_by_label("Paper").select_option("mem")
        page.evaluate("location.hash = '#claim-twm-pde'")
        page.wait_for_function("document.querySelector('#claim-twm-pde details').open")
        assert page.locator("#claim-twm-pde").is_visible(), "a filter gives way to a link"


def test_without_javascript_everything_is_there(read, ledger):
    with read("scoreboard.html", java_script_enabled=False) as page:
        text = page.locator("article").inner_text()
        assert page.locator(".twm-filters").count() == 0 and all(claim.id in text for claim in ledger)
        page.locator("#claim-twm-pde summary").click()
        assert page.locator("#claim-twm-pde dl.twm-more-list").is_visible()
