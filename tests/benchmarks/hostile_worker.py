"""Runs hostile inputs in forks of this process, which has imported all libraries, and judges how they end."""

import hashlib
import importlib
import json
import os
import re
import resource
import runpy
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any

from tests.benchmarks.hostile import SECRET_VARIABLE, chosen
from tests.benchmarks.hostile_inputs.case import Case, Command, Place
from tests.benchmarks.hostile_inputs.templates import write_templates

PRELOADED = (
    *("boto3", "cv2", "dvc.repo", "great_expectations", "mlflow", "mlflow.pyfunc", "numpy", "pandas", "PIL.Image"),
    *("scipy", "tensorflow", "segline.command", "pipeline.steps.compare", "pipeline.steps.history", "prefect"),
    *("pipeline.steps.gate", "pipeline.steps.import_", "pipeline.steps.predict", "pipeline.steps.preprocess"),
    *("pipeline.steps.promote", "pipeline.steps.register", "pipeline.steps.rollback", "pipeline.steps.status"),
    *("pipeline.steps.validate", "mlflow.store.tracking.sqlalchemy_store", "dvc.stage.cache", "dvc_data.index"),
)
TIMEOUT_S = 60.0
"""Of all commands of an input; the slowest sound ones take 3 s on an idle machine."""
MAX_MEMORY_BYTES = 3 << 30
"""Address space beyond that of the process before."""
MAX_OUTPUT_CHARS = 20_000
GRACE_S = 3.0
PASSWORDS = Path("/etc/passwd")
PRECIOUS = ("params.yaml", "dvc.yaml", "data.dvc", "dvc.lock", "classes.yaml", "data", "photos", "labels", ".git/HEAD")
"""What a refused command leaves as it was, byte by byte."""
REGISTRY_TABLES = ("registered_model_aliases", "model_version_tags", "model_versions", "registered_models")
CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\x80-\x9f\u202a-\u202e\u2066-\u2069]")


def run_case(case: Case, templates: Path, root: Path) -> dict[str, str]:
    """Makes the input in a copy of its template, runs the commands, and judges.

    Returns:
        name; "unclear" and "harm": what is wrong, "" if nothing is.
    """
    place = make_place(case, templates, root)
    case.make(place)
    before = snapshot(place.outside)
    started = time.monotonic()
    code, output, orphans, changed = run_commands(case, place, root / "output")
    time_s = time.monotonic() - started
    secrets = (os.environ[SECRET_VARIABLE], secret_of(place), PASSWORDS.read_text().partition("\n")[0])
    harm = [f"{len(orphans)} processes lived on"] if orphans else []
    harm += [] if snapshot(place.outside) == before else ["something outside of the project was changed"]
    harm += [f"a secret came into {where}" for where in leaks(place.project, output, secrets)]
    harm += [f"{path} was left half-written" for path in leftovers(place.project)]
    harm += [f"a refused command has changed {', '.join(changed)}"] if changed else []
    unclear = judge(case, code, output, place.project)
    return {"name": case.name, "unclear": unclear, "harm": "; ".join(harm), "time_s": f"{time_s:.1f}"}


def make_place(case: Case, templates: Path, root: Path) -> Place:
    """A copy of the template, whose registry knows where it is, and a folder outside with a secret."""
    project, outside = root / "project", root / "outside"
    shutil.copytree(templates / case.template, project, symlinks=True)
    if (project / "mlflow.db").exists():
        move_registry(project / "mlflow.db", str(templates / case.template), str(project))
    (outside / "tree/b").mkdir(parents=True)
    (outside / "secret.txt").write_text(f"secret{os.urandom(16).hex()}\n")
    (outside / "tree/a").write_text("a\n")
    (outside / "tree/b/c").write_text("c\n")
    return Place(project, outside)


def move_registry(file: Path, old: str, new: str) -> None:
    """Replaces a folder in every address of artifacts."""
    columns = {
        "experiments": ("artifact_location",),
        "runs": ("artifact_uri",),
        "logged_models": ("artifact_location",),
        "model_versions": ("source", "storage_location"),
    }
    with closing(sqlite3.connect(file)) as data, data:
        for table, names in columns.items():
            for name in names:
                data.execute(f"UPDATE {table} SET {name} = replace({name}, ?, ?)", (old, new))


def run_commands(case: Case, place: Place, output: Path) -> tuple[int, str, list[int], list[str]]:
    """Runs the commands, each in a fork.

    Returns:
        Exit code (negative: killed by a signal), output, what lives on, and what a refused command has changed.
    """
    deadline = time.monotonic() + TIMEOUT_S
    code, text, orphans, changed = 0, "", [], []
    for command in case.commands:
        before = picture_of(place.project)
        pid = os.fork()
        if pid == 0:
            become(command, case, place, output)
        after_s = float(command[1]) if command[0] == "kill" else None
        code = wait(pid, deadline, after_s)
        orphans += end_session(pid)
        text += output.read_text(errors="backslashreplace") if output.exists() else ""
        if command[0] == "kill":
            code = 0
        if code in (1, 2, 3):
            after = picture_of(place.project)
            changed = [name for name in after if after[name] != before[name]]
        if code:
            break
    return code, text, orphans, changed


def become(command: Command, case: Case, place: Place, output: Path) -> None:
    """Turns this fork into the command; never returns."""
    code = 70
    try:
        os.setsid()
        file = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        null = os.open(os.devnull, os.O_RDONLY)
        out = unlimited(file) if case.file_bytes is not None else file
        for target, source in enumerate((null, out, out)):
            os.dup2(source, target)
        os.chdir(place.project)
        os.environ.update(case.variables)
        limit_resources(case)
        code = call(command[2:] if command[0] == "kill" else command)
    except BaseException:  # as the interpreter would: the traceback is what the judge looks for
        sys.excepthook(*sys.exc_info())
        code = 1
    finally:
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except (OSError, ValueError, UnicodeError):
                code = code or 120
        os._exit(code)


def unlimited(file: int) -> int:
    """The end of a pipe whose content comes into a file, for output that the limit of files is not to cut."""
    reader, writer = os.pipe()
    subprocess.Popen(["cat"], stdin=reader, stdout=file)
    os.close(reader)
    return writer


def limit_resources(case: Case) -> None:
    """Limits address space, so that a bomb ends as MemoryError, and the size of files where the case says so."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + MAX_MEMORY_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    if case.file_bytes is not None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # as Python does at its start: writing fails with an OSError
        resource.setrlimit(resource.RLIMIT_FSIZE, (case.file_bytes, case.file_bytes))


def call(command: Command) -> int:
    """Runs a command as its process would; gives the exit code."""
    try:
        if command[0] == "segline":
            sys.argv = list(command)
            importlib.import_module("segline.command").main()
        else:
            sys.modules.pop(f"pipeline.steps.{command[1]}", None)
            runpy.run_module(f"pipeline.steps.{command[1]}", run_name="__main__", alter_sys=True)
    except SystemExit as err:
        if isinstance(err.code, str):
            print(err.code, file=sys.stderr)
            return 1
        return err.code or 0
    return 0


def wait(pid: int, deadline: float, after_s: float | None) -> int:
    """Waits for a fork; kills it at the deadline, or after some seconds. Gives the exit code, -9 if it was killed."""
    end = deadline if after_s is None else time.monotonic() + after_s
    while time.monotonic() < end:
        found, status = os.waitpid(pid, os.WNOHANG)
        if found:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.01)
    os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status)


def end_session(session: int) -> list[int]:
    """Ends what still lives of a session after some time; gives the process ids."""
    deadline = time.monotonic() + GRACE_S
    while (alive := members(session)) and time.monotonic() < deadline:
        time.sleep(0.05)
    for pid in alive:
        os.kill(pid, signal.SIGKILL)
    return alive


def members(session: int) -> list[int]:
    """Processes of a session, zombies left out."""
    found = []
    for file in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, _, its_session = file.read_text(errors="replace").rpartition(")")[2].split()[:4]
        except (OSError, ValueError):
            continue
        if int(its_session) == session and state != "Z":
            found.append(int(file.parent.name))
    return found


def judge(case: Case, code: int, output: str, project: Path) -> str:
    """What is unclear about how a case ended, "" if nothing is."""
    if "Traceback (most recent call last)" in output:
        return f"traceback: {output.strip()[-160:]!r}"
    if code < 0:
        return f"ended by signal {-code}, or took longer than {TIMEOUT_S:g} s: {output.strip()[-160:]!r}"
    if found := CONTROL.search(output):
        return f"the control character {found[0]!r} came into the output"
    if len(output) > MAX_OUTPUT_CHARS:
        return f"the output has {len(output)} characters"
    if code == 0:
        return "was accepted" if case.expect == "refused" else case.check(project)
    if case.expect == "accepted":
        return f"was refused: {output.strip()[-200:]!r}"
    if code not in (1, 2, 3):
        return f"exit code {code}: {output.strip()[-160:]!r}"
    said = "error: " in output or code == 3
    return "" if said and re.search(case.says, output) else f"does not say {case.says!r}: {output.strip()[-200:]!r}"


def snapshot(folder: Path) -> dict[str, str]:
    """Kind, rights and content of everything in a folder, links not followed."""
    return {str(path.relative_to(folder)): describe(path) for path in sorted(folder.rglob("*"))}


def describe(path: Path) -> str:
    """What a path is, and a digest of its content."""
    if path.is_symlink():
        return f"link to {path.readlink()}"
    mode = oct(path.lstat().st_mode)
    return f"{mode} {hashlib.md5(path.read_bytes()).hexdigest()}" if path.is_file() else mode


def picture_of(project: Path) -> dict[str, Any]:
    """What a refused command leaves as it was: data, settings, and what the registry says."""
    picture: dict[str, Any] = dict.fromkeys((*REGISTRY_TABLES, "mlflow.db"))
    for name in PRECIOUS:
        path = project / name
        picture[name] = snapshot(path) if path.is_dir() else describe(path) if path.exists() else None
    try:
        with closing(sqlite3.connect(f"file:{project / 'mlflow.db'}?mode=ro", uri=True)) as data:
            for table in REGISTRY_TABLES:
                rows = data.execute(f"SELECT * FROM {table} WHERE name NOT LIKE '%.ledger'").fetchall()
                picture[table] = sorted(map(repr, rows))
    except sqlite3.Error:
        picture["mlflow.db"] = describe(project / "mlflow.db") if (project / "mlflow.db").exists() else None
    return picture


def secret_of(place: Place) -> str:
    """The content of the secret file outside."""
    file = place.outside / "secret.txt"
    return file.read_text().strip() if file.exists() else "deleted"


def leaks(project: Path, output: str, secrets: tuple[str, ...]) -> list[str]:
    """Files of the project, and "the output", that hold a secret; links are not followed."""
    found = [str(path.relative_to(project)) for path in _files(project) if _holds(path.read_bytes(), secrets)]
    return found + (["the output"] if _holds(output.encode(errors="replace"), secrets) else [])


def _files(project: Path) -> list[Path]:
    return [path for path in project.rglob("*") if path.is_file() and not path.is_symlink()]


def _holds(content: bytes, secrets: tuple[str, ...]) -> bool:
    return any(secret.encode() in content for secret in secrets)


def leftovers(project: Path) -> list[str]:
    """Folders and files of `written_whole` that were not renamed."""
    return [str(path.relative_to(project)) for path in project.rglob(".*") if path.suffix in (".part", ".old")]


def make_writable(folder: Path) -> None:
    """Gives rights back, so that the folder can be deleted."""
    for path in (folder, *folder.rglob("*")):
        if path.is_dir() and not path.is_symlink():
            path.chmod(0o700)


def main() -> None:
    """Runs this worker's share of the cases and writes a JSON line for each."""
    folder, number, num_workers, *words = sys.argv[1:]
    os.environ |= {"SEGLINE_WORKERS": "1", "GIT_TERMINAL_PROMPT": "0"}
    secret = Path("/proc/self/environ").read_text().partition(f"{SECRET_VARIABLE}=")[2].partition("\0")[0]
    os.environ[SECRET_VARIABLE] = secret
    results = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    write_templates_apart(Path(folder) / "templates")
    for name in PRELOADED:
        importlib.import_module(name)
    for index, case in enumerate(chosen(words)[int(number) :: int(num_workers)]):
        root = Path(folder) / str(index)
        root.mkdir()
        try:
            result = run_case(case, Path(folder) / "templates", root)
        except Exception as err:  # a case that cannot be made or looked at counts as harm
            result = {"name": case.name, "unclear": "", "harm": f"{type(err).__name__}: {err}", "time_s": "0"}
        print(json.dumps(result), file=results, flush=True)
        make_writable(root)
        shutil.rmtree(root)


def write_templates_apart(folder: Path) -> None:
    """Writes the templates in a fork: this process starts no threads and opens no data base before it forks."""
    folder.mkdir()
    if pid := os.fork():
        _, status = os.waitpid(pid, 0)
        assert not status, "the templates cannot be made"
        return
    try:
        write_templates(folder)
    except BaseException:  # a fork must not go on as its parent
        sys.excepthook(*sys.exc_info())
        os._exit(1)
    os._exit(0)


if __name__ == "__main__":
    main()
