"""What the source says of itself: imports, rooms, params. `python -m tests.layout --write` puts rooms into dvc.yaml."""

import ast
import re
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from pipeline.disk.yaml_text import parse_yaml

ROOT = Path(__file__).parents[1]
PACKAGES = ("pipeline", "flows", "segline", "tests")
CODE_LINE = re.compile(r"\s+- pipeline/\S+\n")
PARAMS = "pipeline.params"
"""Imports networks and losses to check their names and values; by that alone no stage depends on these rooms."""
WITHOUT_BYTES = {"monitoring", "runtime", "steps"}
"""Rooms that no stage depends on: what shows a training, messages, cost, how a program ends; a stage names its step."""
STAGE_LINE = re.compile(r"  (\w+):\n")
AFTER_DEPS = ("    params:\n", "    outs:\n")
"""What follows the dependencies of a stage; it need not have params."""


@cache
def modules() -> dict[str, Path]:
    """File of each module of ours by its dotted name; a package has the name of its folder."""
    found = {}
    for path in sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


@cache
def parse(path: Path) -> ast.Module:
    """The syntax tree of a file."""
    return ast.parse(path.read_text(), str(path))


@cache
def imports(path: Path) -> frozenset[str]:
    """Dotted names of all that a file imports, also inside functions; `from a import b` gives a and a.b."""
    names: set[str] = set()
    for node in ast.walk(parse(path)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0 and node.module, f"{path}:{node.lineno}: relative import"
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return frozenset(names)


def own_imports(name: str) -> set[str]:
    """Modules of ours that a module imports, with the packages that Python loads on the way to them."""
    wanted = {name, *imports(modules()[name])}
    parents = {".".join(full.split(".")[:depth]) for full in wanted for depth in range(1, full.count(".") + 1)}
    return (wanted | parents) & modules().keys() - {name}


def closure(name: str) -> set[str]:
    """A module and all of ours that it imports, at any distance.

    Imports of `pipeline.params` are left out: it reads tables of rooms to check names, and changes no byte of output.
    """
    found: set[str] = set()
    waiting = [name]
    while waiting:
        module = waiting.pop()
        if module not in found:
            found.add(module)
            waiting.extend(own_imports(module) if module != "pipeline.params" else ())
    return found


def rooms_of(stage: str) -> list[str]:
    """The step's own file and the rooms that its program imports from, without those that change no byte of output."""
    own = f"pipeline.steps.{stage}"
    rooms = {name.split(".")[1] for name in closure(own) if name.startswith("pipeline.") and name.count(".") > 1}
    return [f"pipeline/steps/{stage}.py", *(f"pipeline/{room}" for room in sorted(rooms - WITHOUT_BYTES))]


def params_of(stage: str) -> list[str]:
    """Sections of params.yaml that a step reads, by `read_params().SECTION`."""
    tree = parse(modules()[f"pipeline.steps.{stage}"])
    return sorted({name.rstrip("_") for name in _params_read(tree)})


def _params_read(tree: ast.Module) -> Iterator[str]:
    calls = [node for node in ast.walk(tree) if _is_read_params(node)]
    direct = [node for node in ast.walk(tree) if isinstance(node, ast.Attribute) and _is_read_params(node.value)]
    assert len(calls) == len(direct), "read_params() is used without naming its section: read_params().SECTION"
    for node in direct:
        yield node.attr


def _is_read_params(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "read_params"


def stages() -> dict[str, Any]:
    """The stages of dvc.yaml."""
    stages: dict[str, Any] = parse_yaml((ROOT / "dvc.yaml").read_text())["stages"]
    return stages


def with_code(text: str) -> str:
    """The text of a dvc.yaml with each stage's list of code as the source has it, and all else as it is."""
    lines: list[str] = []
    stage, waiting = "", False
    for line in text.splitlines(keepends=True):
        if match := STAGE_LINE.fullmatch(line):
            stage, waiting = match[1], True
        if CODE_LINE.fullmatch(line):
            continue
        if waiting and line in AFTER_DEPS:
            lines.extend(f"      - {path}\n" for path in rooms_of(stage))
            waiting = False
        lines.append(line)
    return "".join(lines)


if __name__ == "__main__":
    if sys.argv[1:] != ["--write"]:
        sys.exit("usage: python -m tests.layout --write")
    file = ROOT / "dvc.yaml"
    file.write_text(with_code(file.read_text()))
