"""The house rules, held by reading the source."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pipeline.disk.yaml_text import parse_yaml
from tests.layout import ROOT, closure, imports, modules, params_of, parse, rooms_of, stages, with_code

PARAMS_FILES = [ROOT / "params.yaml", *sorted((ROOT / "params").glob("*.yaml"))]
STEPS = "pipeline.steps"
DOOR = "pipeline.registry"
FORBIDDEN_NAMES = re.compile(r"util|helper|manager|handler|^(misc|common)$")
MAX_FILE_LINES, MAX_FUNCTION_LINES, MAX_ROOM_FILES = 400, 40, 12
HOSTS = re.compile(r"pypi\.|pythonhosted|debian\.org|npmjs", re.IGNORECASE)
FILES = {str(path.relative_to(ROOT)): path for path in modules().values()}
PRODUCT = {name: path for name, path in modules().items() if not name.startswith("tests")}
Function = ast.FunctionDef | ast.AsyncFunctionDef
DROPPED_BY_DVC = ("size", "nfiles")
"""Names that DVC's run cache leaves out, at any depth: a changed value of a param would go unnoticed."""


def _functions(path: Path) -> Iterator[Function]:
    return (node for node in ast.walk(parse(path)) if isinstance(node, Function))


@pytest.mark.parametrize("stage", stages())
def test_a_stage_is_one_program_one_section_one_folder(stage: str) -> None:
    """Command, params and output of a stage have its name."""
    content = stages()[stage]
    assert content["cmd"] == f"python -m {STEPS}.{stage}"
    assert content["outs"] == [f"work/{stage}"]


def test_a_stage_declares_the_rooms_it_imports_from() -> None:
    """The code among a stage's dependencies is its step and the rooms of all that it imports, no more and no less."""
    declared = {name: [dep for dep in stage["deps"] if dep.startswith("pipeline/")] for name, stage in stages().items()}
    assert declared == {stage: rooms_of(stage) for stage in stages()}, "run: python -m tests.layout --write"


def test_train_imports_no_registry() -> None:
    """Its metrics are lines, which the flow forwards."""
    assert not [name for name in closure(f"{STEPS}.train") if name.startswith("pipeline.registry")]


def test_no_raw_mlflow_client_leaves_the_door() -> None:
    """MLflow is imported in one file, and three others name `opened`, which gives its raw client."""
    served = "pipeline.serving.mlflow_model"  # travels with a model to where our code is not
    importing = {name for name, path in PRODUCT.items() if any(re.match(r"mlflow\b", full) for full in imports(path))}
    assert importing == {f"{DOOR}.connection", served}
    users = {name: path for name, path in PRODUCT.items() if any(full.startswith(DOOR) for full in imports(path))}
    naming = {name for name, path in users.items() if "opened" in _names_used(path)}
    assert naming == {f"{DOOR}.client", f"{DOOR}.runs", f"{DOOR}.old_runs"}


def _names_used(path: Path) -> set[str]:
    """Names of functions, variables, attributes and imports in a file."""
    nodes = list(ast.walk(parse(path)))
    names = {node.id for node in nodes if isinstance(node, ast.Name)}
    names |= {node.attr for node in nodes if isinstance(node, ast.Attribute)}
    return names | {node.name for node in nodes if isinstance(node, Function | ast.alias)}


def test_rooms_say_what_they_are() -> None:
    """A room's docstring says what lives there, what it may import, which file to open first; it has up to 12 files."""
    wrong = []
    for init in sorted((ROOT / "pipeline").glob("*/**/__init__.py")):
        text = ast.get_docstring(parse(init)) or ""
        files = {path.name for path in init.parent.glob("*.py")} - {init.name}
        first = re.search(r"Open `(\w+\.py)` first", text)
        is_told = "May import" in text and first is not None and first[1] in files
        if init.parent.name != "steps" and not (is_told and len(files) <= MAX_ROOM_FILES):
            wrong.append(str(init.relative_to(ROOT)))
    assert not wrong


@pytest.mark.parametrize("stage", stages())
def test_a_stage_declares_the_params_it_reads(stage: str) -> None:
    """The params of a stage are the sections that its program reads."""
    assert stages()[stage].get("params", []) == params_of(stage)


@pytest.mark.parametrize("stage", stages())
def test_a_stage_reads_only_what_earlier_stages_wrote(stage: str) -> None:
    """The stages stand in an order in which they can run."""
    earlier = [f"work/{name}" for name in list(stages())[: list(stages()).index(stage)]]
    files = [path for path in stages()[stage]["deps"] if not path.startswith("pipeline/")]
    assert all(path == "data" or f"{path}/".startswith(tuple(f"{folder}/" for folder in earlier)) for path in files)


def test_each_section_of_params_has_a_stage() -> None:
    """params.yaml has a section for each stage with params, one for promoting, and nothing else, in order."""
    with_params = [name for name, stage in stages().items() if name in stage.get("params", [])]
    assert list(parse_yaml((ROOT / "params.yaml").read_text())) == [*with_params, "promote"]


def test_the_list_of_code_is_written_and_nothing_else() -> None:
    """Writing the code into dvc.yaml again changes nothing; lines of other code are replaced."""
    text = (ROOT / "dvc.yaml").read_text()
    assert with_code(text) == text == with_code(text.replace("pipeline/vision", "pipeline/gone"))
    without_params = text.replace("    params:\n      - validate\n", "")
    assert with_code(without_params) == without_params != text


def test_no_param_has_a_name_that_dvc_drops() -> None:
    """DVC's run cache leaves keys of these names out of what it hashes, at any depth: a change would be ignored."""
    found = [name for path in PARAMS_FILES for name in _names_in(parse_yaml(path.read_text()), path.name)]
    assert not [name for name in found if name.rpartition(".")[2] in DROPPED_BY_DVC]


def _names_in(content: Any, prefix: str) -> Iterator[str]:
    if isinstance(content, dict):
        for name, value in content.items():
            yield f"{prefix}.{name}"
            yield from _names_in(value, f"{prefix}.{name}")


def test_dvc_drops_these_names_and_no_others() -> None:
    """Two params that differ in a dropped name only have one hash; in any other name, two."""
    from dvc.stage.cache import _get_cache_hash

    def hashed(name: str, value: int) -> str:
        params = {"params.yaml": {"preprocess": {"inner": {name: value}}}}
        return str(_get_cache_hash({"cmd": "a", "deps": [], "params": params}))

    names = (*DROPPED_BY_DVC, "image_size", "md5", "hash", "path", "seed")
    assert [name for name in names if hashed(name, 1) == hashed(name, 2)] == list(DROPPED_BY_DVC)


def test_params_have_no_default_in_python() -> None:
    """A value that changes the model is in params.yaml and nowhere else."""
    classes = [node for node in parse(ROOT / "pipeline/params.py").body if isinstance(node, ast.ClassDef)]
    fields = [field for class_ in classes for field in class_.body if isinstance(field, ast.AnnAssign)]
    assert fields
    for field in fields:
        assert field.value is None or ast.unparse(field.value) == "Field(alias='validate')", ast.unparse(field)
    assert not re.search(r"\bdefault(_factory)?=", (ROOT / "pipeline/params.py").read_text())


@pytest.mark.parametrize("stage", stages())
def test_a_step_is_a_function_of_its_name_and_a_main(stage: str) -> None:
    """Each stage's module has the function, `main` and the guard that starts it."""
    path = modules()[f"{STEPS}.{stage}"]
    assert {stage, "main"} <= {node.name for node in parse(path).body if isinstance(node, Function)}
    assert f'if __name__ == "__main__":\n    run_stage("{stage}", main)\n' in path.read_text()


def test_each_module_has_its_tests() -> None:
    """tests/ mirrors the tree: each module with a function has its tests."""
    files = [path.relative_to(ROOT) for path in PRODUCT.values() if any(_functions(path))]
    places = {file: Path(str(file).removeprefix("pipeline/").replace("segline/", "api/")) for file in files}
    tests = {file: ROOT / "tests" / at.with_name(f"test_{at.stem.rstrip('_')}.py") for file, at in places.items()}
    assert not [str(file) for file, test in tests.items() if not test.exists()]


def test_nothing_reads_pickles() -> None:
    """Neither a module for them nor a loader that may read one; tests/e2e/test_pickle.py watches what libraries do."""
    readers = re.compile(r"^(pickle|cloudpickle|dill|joblib|shelve|marshal)\b")
    importing = [name for name, path in PRODUCT.items() if any(readers.match(full) for full in imports(path))]
    calls = re.compile(r"allow_pickle=(?!False)|safe_mode=False|read_pickle|weights_only=False")
    assert not importing
    assert not [name for name, path in PRODUCT.items() if calls.search(path.read_text())]


def test_files_and_functions_are_small() -> None:
    """A file has up to 400 lines, a function up to 40 below its docstring."""
    assert not [file for file, path in FILES.items() if len(path.read_text().splitlines()) > MAX_FILE_LINES]
    functions = ((file, function) for file, path in FILES.items() for function in _functions(path))
    assert not [f"{file}: {function.name}" for file, function in functions if _is_long(function)]


def _is_long(function: Function) -> bool:
    first = function.body[min(1, len(function.body) - 1)] if ast.get_docstring(function) else function.body[0]
    return (function.end_lineno or 0) - first.lineno >= MAX_FUNCTION_LINES


def test_names_say_something() -> None:
    """No utils, helpers, managers or handlers, neither as file nor as class nor as function."""
    wrong = []
    for file, path in FILES.items():
        named = (node.name for node in ast.walk(parse(path)) if isinstance(node, Function | ast.ClassDef))
        wrong += [f"{file}: {name}" for name in (path.stem, *named) if FORBIDDEN_NAMES.search(name.lower())]
    assert not wrong


def test_nothing_is_caught_blindly_or_left_undone() -> None:
    """Whoever catches everything raises it again or says why not in a comment; no stub is left."""
    assert not [f"{file}:{line}" for file, path in FILES.items() for line in _blind_lines(path)]


def _blind_lines(path: Path) -> Iterator[int]:
    lines = path.read_text().splitlines()
    for node in ast.walk(parse(path)):
        if isinstance(node, ast.ExceptHandler) and (not node.type or ast.unparse(node.type) == "Exception"):
            raises = any(isinstance(inner, ast.Raise) for inner in ast.walk(node))
            if not raises and "  # " not in lines[node.lineno - 1]:
                yield node.lineno
        if isinstance(node, ast.Raise) and node.exc and "NotImplemented" in ast.unparse(node.exc):
            yield node.lineno


@pytest.mark.parametrize("file", sorted(path.name for path in ROOT.glob("requirements*.lock")))
def test_locks_hold_hashes_and_no_address(file: str) -> None:
    """Each locked package has a version and hashes; where it is fetched from is the machine's own setting."""
    text = (ROOT / file).read_text()
    packages = [line for line in text.splitlines() if line and line[0].isalnum()]
    assert packages
    assert all("==" in line for line in packages)
    assert text.count("--hash=sha256:") >= len(packages)
    assert not HOSTS.search(text)
    assert "://" not in text


def test_the_lock_holds_what_the_project_asks_for() -> None:
    """Each dependency of pyproject.toml is in the lock, in the version that is asked for where one is."""
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    locked = dict(re.findall(r"^([\w.-]+)==([\w.]+)", (ROOT / "requirements.lock").read_text(), re.MULTILINE))
    for wanted in [*project["dependencies"], *project["optional-dependencies"]["dev"]]:
        name, _, version = re.sub(r"\[.*?\]", "", wanted).partition("==")
        name = re.split(r"[<>=!~]", name)[0]
        assert name in locked, wanted
        assert version in ("", locked[name]), wanted
