"""The house: a module imports only from rooms above its own, and the light rooms stay light."""

import ast
from pathlib import Path

#: The rooms of the library from the top; rooms in one row may not import each other unless listed in order.
ROOMS = (
    "errors", "paths", "streams", "records", "theory", "models", "tasks", "training", "analysis", "book", "bench", "cli", "__main__",
)  # fmt: skip


def _room(path: Path, library: Path) -> str:
    return path.relative_to(library).parts[0].removesuffix(".py")


def _waits(node: ast.AST) -> bool:
    """Tell whether what stands inside ``node`` is not run when the file is imported."""
    only_for_types = isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
    return isinstance(node, ast.FunctionDef) or only_for_types


def _imports(path: Path) -> list[tuple[str, bool]]:
    """Return the imported modules and whether each is imported as soon as the file is."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    late = {id(node) for outer in ast.walk(tree) if _waits(outer) for node in ast.walk(outer)}
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [(alias.name, id(node) not in late) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name} uses a relative import"
            names = [f"{node.module}.{alias.name}" for alias in node.names] if node.module == "twm" else [node.module]
            found += [(name, id(node) not in late) for name in names]
    return found


def test_imports_go_upward_only(root: Path):
    library = root / "twm"
    for path in library.rglob("*.py"):
        room = _room(path, library)
        if room == "__init__":
            continue
        assert room in ROOMS, f"{room} has no place in the house"
        for name, _ in _imports(path):
            parts = name.split(".")
            if parts[0] == "twm" and len(parts) > 1 and parts[1] in ROOMS and parts[1] != room:
                assert ROOMS.index(parts[1]) < ROOMS.index(room), (
                    f"{path.relative_to(root)} imports {name} from a lower room"
                )


def test_theory_rooms_do_not_need_torch_or_the_tools(root: Path):
    heavy = {"torch", "matplotlib", "papermill", "jupytext", "nbformat", "sphinx", "yaml"}
    for room in ("errors", "paths", "streams", "theory", "cli"):
        paths = [root / "twm" / f"{room}.py", *(root / "twm" / room).rglob("*.py")]
        for path in filter(Path.exists, paths):
            if path.name == "attention.py":
                continue
            early = {name.split(".")[0] for name, at_once in _imports(path) if at_once}
            assert not early & heavy, f"{path.relative_to(root)} imports {early & heavy} at once"


def test_no_file_outgrows_its_room(root: Path):
    for path in (root / "twm").rglob("*.py"):
        lines = len(path.read_text(encoding="utf-8").splitlines())
        assert lines <= 1500, f"{path.relative_to(root)} has {lines} lines: make it a folder"


def test_every_public_function_says_what_it_does(root: Path):
    for path in (root / "twm").rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        assert ast.get_docstring(tree), f"{path.relative_to(root)} has no docstring"
        for node in tree.body:
            if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and not node.name.startswith("_"):
                assert ast.get_docstring(node), f"{path.relative_to(root)}: {node.name} has no docstring"
