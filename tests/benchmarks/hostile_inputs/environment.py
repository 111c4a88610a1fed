"""Variables of the environment."""

from collections.abc import Mapping

from tests.benchmarks.hostile_inputs.case import GATE, IMPORT, VALIDATE, Case, Command, Make, Place, nothing
from tests.benchmarks.hostile_inputs.data import is_valid, same_masks

STATUS, RUN, PROMOTE = ("segline", "status"), ("segline", "run"), ("segline", "promote")
DEAD = "http://127.0.0.1:9"
PASSWORD = "http://user:hunter2secret@127.0.0.1:9"
FROM_S3 = ("segline", "import", "folder", "s3://bucket/photos", "labels", "--classes", "classes.yaml")
KEYS = {"AWS_ACCESS_KEY_ID": "k", "AWS_DEFAULT_REGION": "us-east-1", "AWS_MAX_ATTEMPTS": "1"}


def _case(
    name: str,
    template: str,
    variables: Mapping[str, str],
    command: Command,
    expect: str,
    says: str = "",
    make: Make = nothing,
) -> Case:
    check = {VALIDATE: is_valid, IMPORT: same_masks}.get(command, lambda _: "")
    return Case(f"environment/{name}", template, make, (command,), expect, says, check, variables)  # type: ignore[arg-type]


def _no_project(place: Place) -> None:
    (place.project / "dvc.yaml").unlink()


MLFLOW = {
    "dead server": DEAD,
    "server with a password": PASSWORD,
    "no scheme": "localhost:5000",
    "unknown scheme": "gopher://x/y",
    "folder": "sqlite:////tmp",
    "markup": "http://<script>@127.0.0.1:9",
    "control characters": "http://127.0.0.1:9/\x1b[31m",
    "port too large": "http://127.0.0.1:99999",
    "file store": "file:///tmp/nowhere-segline",
    "PostgreSQL that is not there": "postgresql://user:hunter2secret@127.0.0.1:9/x",
}
NAMES = ("", " ", "a/b", "../..", "a\nb", "\x1b[31mx", "x" * 300, "a'b", "a%b", "segline.ledger", "模型")
WORKERS = ("0", "-1", "many", "1.5", "1e3", "²")

CASES = (
    *(
        _case(
            f"MLFLOW_TRACKING_URI: {name}", "contest", {"MLFLOW_TRACKING_URI": uri}, STATUS, "refused", "MLflow|MLFLOW"
        )
        for name, uri in MLFLOW.items()
    ),
    *(
        _case(
            f"SEGLINE_MODEL_NAME {name[:12]!r}",
            "contest",
            {"SEGLINE_MODEL_NAME": name},
            STATUS,
            "either",
            "SEGLINE_MODEL_NAME",
        )
        for name in NAMES
    ),
    *(
        _case(
            f"SEGLINE_WORKERS {text!r}", "imported", {"SEGLINE_WORKERS": text}, VALIDATE, "refused", "SEGLINE_WORKERS"
        )
        for text in WORKERS
    ),
    *(
        _case(f"SEGLINE_ACTOR {name!r}", "contest", {"SEGLINE_ACTOR": name}, PROMOTE, "either", "SEGLINE_ACTOR")
        for name in ("", "\x1b[31mx", "x" * 5000, "<b>")
    ),
    _case(
        "PREFECT_API_URL: dead server",
        "imported",
        {"PREFECT_API_URL": f"{DEAD}/api"},
        RUN,
        "refused",
        "PREFECT_API_URL|Prefect",
    ),
    _case(
        "PREFECT_API_URL: a text", "imported", {"PREFECT_API_URL": "here"}, RUN, "refused", "PREFECT_API_URL|Prefect"
    ),
    _case(
        "PREFECT_API_URL: with a password",
        "imported",
        {"PREFECT_API_URL": f"{PASSWORD}/api"},
        RUN,
        "refused",
        "PREFECT_API_URL|Prefect",
    ),
    _case("AWS_ENDPOINT_URL: dead server", "labelled", {**KEYS, "AWS_ENDPOINT_URL": DEAD}, FROM_S3, "refused", "S3|s3"),
    _case(
        "AWS_ENDPOINT_URL: with a password",
        "labelled",
        {**KEYS, "AWS_ENDPOINT_URL": PASSWORD},
        FROM_S3,
        "refused",
        "S3|s3",
    ),
    _case(
        "AWS_ENDPOINT_URL: a text", "labelled", {**KEYS, "AWS_ENDPOINT_URL": "here"}, FROM_S3, "refused", "S3|s3|here"
    ),
    _case("AWS_PROFILE: nobody", "labelled", {"AWS_PROFILE": "nobody"}, FROM_S3, "refused", "nobody"),
    _case("HOME: nowhere", "labelled", {"HOME": "/nowhere"}, IMPORT, "accepted"),
    _case("PATH: empty", "labelled", {"PATH": ""}, IMPORT, "either", "git"),
    _case("LANG: C", "labelled", {"LANG": "C", "LC_ALL": "C"}, IMPORT, "accepted"),
    _case("TZ: nowhere", "contest", {"TZ": "Nowhere/At_All"}, STATUS, "accepted"),
    _case("COLUMNS: 0", "contest", {"COLUMNS": "0"}, STATUS, "accepted"),
    _case("COLUMNS: text", "contest", {"COLUMNS": "wide"}, STATUS, "accepted"),
    _case("KERAS_BACKEND: unknown", "gated", {"KERAS_BACKEND": "theano"}, GATE, "accepted"),
    _case("GIT_DIR: elsewhere", "labelled", {"GIT_DIR": "/nowhere"}, IMPORT, "either", "git"),
    _case(
        "DVC_SITE_CACHE_DIR: not writable",
        "labelled",
        {"DVC_SITE_CACHE_DIR": "/proc/nowhere"},
        IMPORT,
        "either",
        "/proc",
    ),
    _case("TMPDIR: nowhere", "labelled", {"TMPDIR": "/nowhere"}, IMPORT, "either", "TMPDIR|/nowhere"),
    _case("no project here", "labelled", {}, IMPORT, "refused", "dvc.yaml", _no_project),
)
