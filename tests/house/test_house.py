"""The laws of the house: who may import whom, how large a thing may be, and that there is one of each.

Every law is a function from a tree to a list of offences; it must be empty here, and the last tests show that each law can
be broken.
"""

import ast
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

#: A room imports from those above it. What stands together in a line may be imported by all below.
ROOMS = (
    "errors", "paths", "streams", "records", "theory", "models", "tasks", "training", "analysis", "book", "bench", "cli",
    "__main__",
)  # fmt: skip
#: Ceilings: lines of Python in all, and files.
CEILINGS = {"twm": (15_500, 85), "tests": (9_800, None), "notebooks": (7_000, None), "book": (2_800, None)}
FILE_LINES = 350
#: The files that are allowed up to 500 lines, and why.
LONG_FILES = {
    "cli.py": "the code of all commands",
    "training/tables.py": "the tables of two papers, cell by cell",
    "training/runner.py": "one pool and one resumable table, with where they leave things",
}
FUNCTION_LINES = 40


def read_modules(root: Path) -> dict[str, ast.Module]:
    """Return the library's modules by dotted name below ``twm``, parsed."""
    library = root / "twm"
    names = {path: ".".join(path.relative_to(library).with_suffix("").parts) for path in sorted(library.rglob("*.py"))}
    return {name: ast.parse(path.read_text(encoding="utf-8")) for path, name in names.items()}


def list_imports(tree: ast.AST, modules: set[str]) -> Iterator[str]:
    """List what a file imports, late imports included; of the library the module, without ``twm.``"""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = (node.module or "").removeprefix("twm").removeprefix(".")
            if (node.module or "").split(".")[0] != "twm":
                yield node.module or "."
                continue
            for alias in node.names:
                inner = f"{base}.{alias.name}".removeprefix(".")
                yield f"twm.{inner if inner in modules else base}"


def find_wrong_directions(root: Path) -> list[str]:
    modules = read_modules(root)
    offences = []
    for name, tree in modules.items():
        room = name.split(".")[0]
        if room not in ROOMS and name != "__init__":
            offences.append(f"{name} is in no room")
            continue
        for target in list_imports(tree, set(modules)):
            other = target.removeprefix("twm.").split(".")[0] if target.startswith("twm.") else room
            if other in ROOMS and other != room and ROOMS.index(other) > ROOMS.index(room):
                offences.append(f"{name} imports {target} from a room below")
    return offences


def find_circles(root: Path) -> list[str]:
    modules = read_modules(root)
    arrows = {
        name: {target.removeprefix("twm.") for target in list_imports(tree, set(modules)) if target.startswith("twm.")}
        for name, tree in modules.items()
    }
    done: set[str] = set()

    def walk(name: str, path: tuple[str, ...]) -> Iterator[str]:
        if name in path:
            yield " -> ".join((*path[path.index(name) :], name))
        elif name not in done:
            done.add(name)
            for other in sorted(arrows.get(name, ())):
                yield from walk(other, (*path, name))

    return [circle for name in arrows for circle in walk(name, ())]


def find_heavy_theory(root: Path) -> list[str]:
    modules = read_modules(root)
    offences = []
    for name, tree in modules.items():
        allowed = {"numpy", "scipy", "twm", *sys.stdlib_module_names}
        allowed |= {"torch"} if name == "theory.attention" else set()
        if name.startswith("theory."):
            offences += [f"{name}: {t}" for t in list_imports(tree, set(modules)) if t.split(".")[0] not in allowed]
    return offences


def find_busy_packages(root: Path) -> list[str]:
    def is_bare(tree: ast.Module) -> bool:
        return len(tree.body) == 1 and ast.get_docstring(tree) is not None

    # The library's own holds its version beside the docstring.
    inits = {name: tree for name, tree in read_modules(root).items() if name.endswith(".__init__")}
    return [name for name, tree in inits.items() if not is_bare(tree)]


def count_code(node: ast.AST, source: list[str]) -> int:
    """Count lines of code of a function: docstring, blank lines and comments are free, and so are functions inside it."""
    body = node.body[1:] if ast.get_docstring(node) is not None else node.body
    if not body:
        return 0
    lines = source[node.lineno - 1 : body[0].lineno - 1] if ast.get_docstring(node) is None else []
    lines = lines + source[body[0].lineno - 1 : node.end_lineno]
    return sum(bool(line.strip()) and not line.strip().startswith("#") for line in lines)


def find_long_functions(root: Path) -> list[str]:
    offences = []
    for path in sorted((root / "twm").rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef) and count_code(node, text.splitlines()) > FUNCTION_LINES:
                offences.append(f"{path.relative_to(root)}: {node.name} has {count_code(node, text.splitlines())} lines")
    return offences


def find_long_files(root: Path) -> list[str]:
    counts = {
        str(path.relative_to(root / "twm")): len(path.read_text(encoding="utf-8").splitlines())
        for path in sorted((root / "twm").rglob("*.py"))
    }
    return [f"{name}: {n} lines" for name, n in counts.items() if n > (500 if name in LONG_FILES else FILE_LINES)]


def list_public(tree: ast.Module) -> Iterator[str]:
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            yield node.name
        elif isinstance(node, (ast.Assign, ast.AnnAssign)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            yield from (target.id for target in targets if isinstance(target, ast.Name))


def find_twins(root: Path) -> list[str]:
    modules = read_modules(root)
    names = Counter(n for tree in modules.values() for n in set(list_public(tree)) if not n.startswith("_"))
    return [f"{name} is defined {n} times" for name, n in names.items() if n > 1]


def find_unused(root: Path) -> list[str]:
    """List public names that nothing outside the tests uses but the line that defines them."""
    places = [root / "README.md", *(root / "twm").rglob("*.py"), *(root / "notebooks").glob("*.py")]
    places += [path for kind in ("*.md", "_ext/*.py", "errata/**/*.py") for path in (root / "book").glob(kind)]
    texts = [path.read_text(encoding="utf-8") for path in places if path.exists()]
    words = Counter(word for text in texts for word in re.findall(r"\w+", text))
    public = {n for tree in read_modules(root).values() for n in list_public(tree) if not n.startswith("_")}
    return sorted(name for name in public if words[name] < 2)


#: What there is one of, by the words that give a second one away, and the file that holds it.
ONLY_HERE = {
    "process pool": (r"ProcessPoolExecutor|multiprocessing\.(Pool|Process)|get_context\(", ("training/workers.py", "bench.py")),
    "optimiser by hand": (r"addcmul_\(|addcdiv|exp_avg|beta1|betas *=", ("models/fast/",)),
    "way to write a file": (r"os\.replace\(|\.rename\(", ("paths.py",)),
    "lock": (r"fcntl\.", ("records.py",)),
    "training loop": (r"for iteration in range\(|while not self\.finished", ("training/loop.py", "training/fibonacci.py")),
    "place where graphs are captured": (r"CUDAGraph\(", ("models/fast/elman.py",)),
}  # fmt: skip


def find_seconds(root: Path) -> list[str]:
    offences = []
    for what, (pattern, homes) in ONLY_HERE.items():
        for path in sorted((root / "twm").rglob("*.py")):
            name = str(path.relative_to(root / "twm"))
            if re.search(pattern, path.read_text(encoding="utf-8")) and not name.startswith(homes):
                offences.append(f"a second {what}: {name}")
    return offences


def find_overfull(root: Path) -> list[str]:
    offences = []
    for folder, (most_lines, most_files) in CEILINGS.items():
        paths = [path for path in (root / folder).rglob("*.py") if "_build" not in path.parts]
        lines = sum(len(path.read_text(encoding="utf-8").splitlines()) for path in paths)
        if lines > most_lines or (most_files and len(paths) > most_files):
            offences.append(f"{folder}: {lines} lines in {len(paths)} files; at most {most_lines} in {most_files or 'any'}")
    return offences


LAWS: dict[Callable[[Path], list[str]], str] = {
    find_wrong_directions: "from twm.cli import main\n", find_circles: "from twm.theory import second\n",
    find_heavy_theory: "import torch\n", find_busy_packages: "",
    find_long_functions: "def f():\n" + "    x = 1\n" * 41, find_long_files: "x = 1\n" * 351,
    find_twins: "def simulate():\n    return 1\n", find_unused: "def never_called():\n    return 1\n",
    find_seconds: "from concurrent.futures import ProcessPoolExecutor\n",
    find_overfull: "x = 1\n" * (CEILINGS["twm"][0] + 1),
}  # fmt: skip


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__.removeprefix("find_"))
def test_the_law_holds(law: Callable[[Path], list[str]], root: Path):
    assert law(root) == []


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__.removeprefix("find_"))
def test_the_law_can_be_broken(law: Callable[[Path], list[str]], tmp_path: Path):
    room = tmp_path / "twm" / "theory"
    room.mkdir(parents=True)
    (room / "__init__.py").write_text('"""A room."""\n' + ("x = 1\n" if law is find_busy_packages else ""))
    (room / "second.py").write_text('"""Another."""\n\nfrom twm.theory import first\n\n\ndef simulate():\n    return first\n')
    (room / "first.py").write_text('"""One."""\n')
    assert law(tmp_path) == [] or law is find_busy_packages or law is find_unused
    (room / "first.py").write_text('"""One."""\n\n' + LAWS[law])
    assert law(tmp_path)


def test_the_words_that_give_a_second_one_away_find_the_first_at_home(root: Path):
    for pattern, homes in ONLY_HERE.values():
        for home in homes:
            paths = (root / "twm" / home).rglob("*.py") if home.endswith("/") else [root / "twm" / home]
            assert any(re.search(pattern, path.read_text(encoding="utf-8")) for path in paths), (pattern, home)


def test_every_public_thing_says_what_it_does(root: Path):
    for name, tree in read_modules(root).items():
        assert ast.get_docstring(tree), f"{name} has no docstring"
        for node in tree.body:
            if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and not node.name.startswith("_"):
                assert ast.get_docstring(node), f"{name}: {node.name} has no docstring"
