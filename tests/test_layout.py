"""The house rules, held by reading the source."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pipeline.params import DROPPED_BY_DVC
from pipeline.runtime.yaml_text import parse_yaml
from tests.layout import ROOT, code_of, imports, modules, own_imports, params_of, parse, stages, with_code

DOORS = {
    "boto3": {"pipeline/dataset/object_store.py"},
    "botocore": {"pipeline/dataset/object_store.py"},
    "mlflow": {"pipeline/registry/client.py"},
    "great_expectations": {"pipeline/validation/expectations.py"},
    "cv2": {"pipeline/vision/images.py"},
    "tensorflow": {"pipeline/serving/tf.py"},
    "dvc": {"pipeline/dataset/versions.py"},
    "ruamel": {"pipeline/runtime/yaml_text.py"},
    "yaml": set[str](),  # YAML 1.1, which DVC does not write
}
PARAMS_FILES = [ROOT / "params.yaml", *sorted((ROOT / "params").glob("*.yaml"))]
SERVING = "pipeline/serving/mlflow_model.py"
"""Travels with a model to where our code is not, so it uses no door."""
STEPS = "pipeline.steps"
PARAMS = {"pipeline.params_fit": {"pipeline.params"}}
"""Two files on params: each section by itself, and the sections together."""
FORBIDDEN_NAMES = re.compile(r"util|helper|manager|handler|^(misc|common)$")
MAX_FILE_LINES, MAX_FUNCTION_LINES = 400, 40
HOSTS = re.compile(r"pypi\.|pythonhosted|debian\.org|npmjs", re.IGNORECASE)
FILES = {str(path.relative_to(ROOT)): path for path in modules().values()}
PRODUCT = {name: path for name, path in modules().items() if not name.startswith("tests")}
Function = ast.FunctionDef | ast.AsyncFunctionDef


def _functions(path: Path) -> Iterator[Function]:
    return (node for node in ast.walk(parse(path)) if isinstance(node, Function))


@pytest.mark.parametrize("name", PRODUCT)
def test_imports_point_right(name: str) -> None:
    """flows may import all, steps import nouns, nouns import nouns; params are for steps and flows, tests for none."""
    own = own_imports(name) - {name.rpartition(".")[0]} - PARAMS.get(name, set())
    package = "flows" if name.startswith("flows") else STEPS if name.startswith(STEPS) else "pipeline"
    forbidden = {
        "flows": ("tests",),
        STEPS: ("flows", STEPS, "tests"),
        "pipeline": ("flows", STEPS, "pipeline.params", "tests"),
    }[package]
    assert not [other for other in own if other.startswith(forbidden)]


@pytest.mark.parametrize("file", [file for file in FILES if not file.startswith("tests") and file != SERVING])
def test_each_outside_package_has_one_door(file: str) -> None:
    """An outside package with a door is imported in that file only, and prefect in flows/."""
    outside = {name.partition(".")[0] for name in imports(FILES[file])}
    assert not {name for name in outside & DOORS.keys() if file not in DOORS[name]}
    assert "prefect" not in outside or file.startswith("flows/")


@pytest.mark.parametrize("stage", stages())
def test_a_stage_is_one_program_one_section_one_folder(stage: str) -> None:
    """Command, params and output of a stage have its name."""
    content = stages()[stage]
    assert content["cmd"] == f"python -m {STEPS}.{stage}"
    assert content["outs"] == [f"work/{stage}"]


@pytest.mark.parametrize("stage", stages())
def test_a_stage_declares_the_code_it_imports(stage: str) -> None:
    """The code among a stage's dependencies is what its program imports, at any distance; no more and no less."""
    declared = [path for path in stages()[stage]["deps"] if path.endswith(".py")]
    assert declared == code_of(stage), "run: python -m tests.layout --write"


@pytest.mark.parametrize("stage", stages())
def test_a_stage_declares_the_params_it_reads(stage: str) -> None:
    """The params of a stage are the sections that its program reads."""
    assert stages()[stage]["params"] == params_of(stage)


@pytest.mark.parametrize("stage", stages())
def test_a_stage_reads_only_what_earlier_stages_wrote(stage: str) -> None:
    """The stages stand in an order in which they can run."""
    earlier = [f"work/{name}" for name in list(stages())[: list(stages()).index(stage)]]
    files = [path for path in stages()[stage]["deps"] if not path.endswith(".py")]
    assert all(path == "data" or f"{path}/".startswith(tuple(f"{folder}/" for folder in earlier)) for path in files)


def test_each_stage_has_params_and_each_section_a_stage() -> None:
    """params.yaml has a section for each stage, one for promoting, and nothing else."""
    assert list(parse_yaml((ROOT / "params.yaml").read_text())) == [*stages(), "promote"]


def test_the_list_of_code_is_written_and_nothing_else() -> None:
    """Writing the code into dvc.yaml again changes nothing; lines of other code are replaced."""
    text = (ROOT / "dvc.yaml").read_text()
    assert with_code(text) == text == with_code(text.replace("pipeline/errors.py", "pipeline/gone.py"))


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


@pytest.mark.parametrize("file", [str(path.relative_to(ROOT)) for path in PRODUCT.values() if any(_functions(path))])
def test_each_module_has_its_tests(file: str) -> None:
    """tests/ mirrors the tree: each module with a function has its tests."""
    place = Path(file.removeprefix("pipeline/"))
    assert (ROOT / "tests" / place.with_name(f"test_{place.stem.rstrip('_')}.py")).exists()


@pytest.mark.parametrize("file", FILES)
def test_files_and_functions_are_small(file: str) -> None:
    """A file has up to 400 lines, a function up to 40 below its docstring."""
    assert len(FILES[file].read_text().splitlines()) <= MAX_FILE_LINES
    for function in _functions(FILES[file]):
        first = function.body[min(1, len(function.body) - 1)] if ast.get_docstring(function) else function.body[0]
        assert (function.end_lineno or 0) - first.lineno < MAX_FUNCTION_LINES, function.name


@pytest.mark.parametrize("file", FILES)
def test_names_say_something(file: str) -> None:
    """No utils, helpers, managers or handlers, neither as file nor as class nor as function."""
    named = (node.name for node in ast.walk(parse(FILES[file])) if isinstance(node, Function | ast.ClassDef))
    names = [Path(file).stem, *named]
    assert not [name for name in names if FORBIDDEN_NAMES.search(name.lower())]


@pytest.mark.parametrize("file", FILES)
def test_docstrings_are_there(file: str) -> None:
    """Each module, and each public class and function, says what it is."""
    tree = parse(FILES[file])
    assert ast.get_docstring(tree)
    public = [node for node in tree.body if isinstance(node, Function | ast.ClassDef) and not node.name.startswith("_")]
    assert not [node.name for node in public if not ast.get_docstring(node)]


@pytest.mark.parametrize("file", FILES)
def test_nothing_is_caught_blindly_or_left_undone(file: str) -> None:
    """Whoever catches everything raises it again or says why not in a comment; no stub is left."""
    lines = FILES[file].read_text().splitlines()
    for node in ast.walk(parse(FILES[file])):
        if isinstance(node, ast.ExceptHandler) and (not node.type or ast.unparse(node.type) == "Exception"):
            raises = any(isinstance(inner, ast.Raise) for inner in ast.walk(node))
            assert raises or "  # " in lines[node.lineno - 1], f"line {node.lineno}"
        if isinstance(node, ast.Raise) and node.exc:
            assert "NotImplemented" not in ast.unparse(node.exc), f"line {node.lineno}"


@pytest.mark.parametrize("file", ["requirements.lock", "requirements-gpu.lock", "requirements-uv.lock"])
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


def test_deployments_and_containers_name_what_is_there() -> None:
    """prefect.yaml deploys a flow that exists; compose.yaml builds a target of the Dockerfile."""
    for deployment in parse_yaml((ROOT / "prefect.yaml").read_text())["deployments"]:
        file, _, flow = deployment["entrypoint"].partition(":")
        assert flow in {function.name for function in _functions(ROOT / file)}
    targets = re.findall(r"^FROM \S+ AS (\S+)$", (ROOT / "docker/Dockerfile").read_text(), re.MULTILINE)
    services = parse_yaml((ROOT / "docker/compose.yaml").read_text())["services"]
    assert {"cpu", "gpu"} <= set(targets)
    assert {service["build"]["target"] for service in services.values()} <= set(targets)


def test_prefect_in_containers_answers_nobody_without_a_key() -> None:
    """The server has a key and an origin of its own, and the worker has the key; else any web page starts a run."""
    services = parse_yaml((ROOT / "docker/compose.yaml").read_text())["services"]
    server, worker = (services[name]["environment"] for name in ("prefect", "worker"))
    assert server["PREFECT_SERVER_API_AUTH_STRING"].startswith("${PREFECT_KEY:?")
    assert server["PREFECT_SERVER_CORS_ALLOWED_ORIGINS"] == server["PREFECT_UI_API_URL"].removesuffix("/api")
    assert worker["PREFECT_API_AUTH_STRING"].startswith("${PREFECT_KEY:?")
