"""Which cell of a notebook recorded a claim's numbers, and which functions of the library it calls."""

import ast
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_CLAIM = re.compile(r"(twm|emt|mem|wrnn|ours)(\.\w+)+")


@dataclass(frozen=True)
class Trace:
    """Where the numbers of a claim come from."""

    code: str  # of the cell that recorded them
    functions: tuple[str, ...]  # of the library, with their modules: called there, or where what it uses was made


def read_imports(trees: Iterable[ast.AST]) -> dict[str, str]:
    """Return what the names that code imports from the library stand for."""
    names = {}
    for node in (node for tree in trees for node in ast.walk(tree)):
        if isinstance(node, ast.ImportFrom):
            names |= {part.asname or part.name: f"{node.module}.{part.name}" for part in node.names}
        elif isinstance(node, ast.Import):
            names |= {part.asname: part.name for part in node.names if part.asname}
    return {name: full for name, full in names.items() if full.startswith("twm.")}


def list_calls(tree: ast.AST, names: Mapping[str, str]) -> list[str]:
    """Return the functions of the library that code calls, with their modules, but for the book's own."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            first, _, rest = ast.unparse(node.func).partition(".")
            full = names.get(first, "twm.book") + (f".{rest}" if rest else "")
            found += [] if full.startswith("twm.book") else [full]
    return found


def _list_names(tree: ast.AST, context: type) -> set[str]:
    found = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, context)}
    if context is ast.Store:
        found |= {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    return found


@cache
def trace_claims(path: Path) -> dict[str, Trace]:
    """Return the traces of the claims that a notebook records, by claim."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"] if path.exists() else []
    code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    trees = [ast.parse(text) for text in code]
    names = read_imports(trees)
    found = {}
    for place, tree in enumerate(trees):
        called = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
        # A page may have a shorthand of its own for either.
        if not any(name.rpartition(".")[2].startswith(("record", "settle")) for name in called):
            continue
        calls = list_calls(tree, names)
        for name in sorted(_list_names(tree, ast.Load)):
            makers = [earlier for earlier in trees[:place] if name in _list_names(earlier, ast.Store)]
            calls += list_calls(makers[-1], names) if makers else []
        texts = (node.value for node in ast.walk(tree) if isinstance(node, ast.Constant))
        for claim in (text for text in texts if isinstance(text, str) and _CLAIM.fullmatch(text)):
            found.setdefault(claim, Trace(code[place], tuple(dict.fromkeys(calls))))
    return found


@cache
def find_api_pages(folder: Path) -> dict[str, str]:
    """Return the page of the reference that documents a module, by module."""
    return {
        module: f"api/{path.stem}"
        for path in sorted(folder.glob("*.md"))
        for module in re.findall(r"automodule:: (\S+)", path.read_text(encoding="utf-8"))
    }
