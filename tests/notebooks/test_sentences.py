"""Pages read in short sentences: the median has at most 20 words, the longest 45; a formula, a role or code is one word."""

import re
from pathlib import Path
from statistics import median

from twm.book.runner import list_notebooks, read_source

FENCE = r"^(`{3,}|~{3,})(?!\{(?:glossary|admonition|note|warning|dropdown)\}).*?^\1$|^`{3}[^\n]*$"
WORD = r"\$\$.*?\$\$(?: \([\w-]+\))?|\$[^$]+\$|\{[\w:]+\}`[^`]*`|``.+?``|`[^`]*`"
NO_TEXT = r"<!-- (\w+): begin -->.*?<!-- \1: end -->|^(?:#|:::|:\w+:|\(\S+\)=|!\[).*?$|^[|\s:-]+$"


def list_sentences(text: str) -> list[str]:
    """Return the sentences of a page in MyST, without code, headings and what has no full stop, such as most cells."""
    text = re.sub(NO_TEXT, "\n", re.sub(FENCE, "\n", text, flags=re.M | re.S), flags=re.M | re.S)
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", lambda link: link[1] or "X", re.sub(WORD, "X", text, flags=re.S))
    text = re.sub(r"^(\S.*)\n(?=  \S)", lambda term: term[0] + "\n" * (term[0][0] not in "-*:0123456789"), text, flags=re.M)
    blocks = [" ".join(block.split()) for block in re.split(r"\n\s*\n|\n\s*(?=(?:[-*:]|\d+\.) )|\|", text)]
    short = r"^(?:[-*:]|\d+\.) |(?<=\b(?:Fig|App|Sec))\.|(?<=\b(?:Eq|al|cf|vs))\."
    whole = (re.sub(short, "", block) for block in blocks if re.search(r"[.?!:]\W*$", block))
    return [part for one in whole for part in re.split(r"(?<=[.?!])[”*\")]*\s+(?=\W*[A-Z\d])", one)]


def test_sentences_are_short_on_every_page(root: Path):
    texts = {path.stem: path.read_text(encoding="utf-8") for path in [*(root / "book").glob("*.md"), *root.glob("*.md")]}
    for name in list_notebooks():
        texts[name] = "\n\n".join(cell.source for cell in read_source(name).cells if cell.cell_type == "markdown")
    assert list_sentences("Of $a b$ two. In Fig. 2\n{value}`x y` is one.\n") == ["Of X two.", "In Fig 2 X is one."]
    wrong = {}
    for name, text in sorted(texts.items()):
        counts = {sentence: len(sentence.split()) for sentence in list_sentences(text)} or {"": 0}
        middle, longest = median(counts.values()), max(counts, key=counts.get)
        print(f"{name:20} {len(counts):4} sentences, median {middle:g} words, longest {counts[longest]}: {longest}")
        if middle > 20 or counts[longest] > 45:
            wrong[name] = (middle, longest)
    assert not wrong
