"""The command `segline`: every way into the product, by hand. Heavy libraries are imported where they are used."""

import argparse
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from flows.server import prefect_server, set_environment, where_pages_are
from pipeline.errors import StageError
from pipeline.runtime.guard import started
from pipeline.runtime.locks import only_one
from pipeline.runtime.program import run

Arguments = argparse.Namespace
Commands = Any
"""What `add_subparsers` gives; argparse has no public name for it."""
CLASSES_HELP = (
    ".yaml or .json: a list `classes` of rows with name and, optional, id, value, colour, ignore; .csv: name and, "
    "optional, id, value, r, g, b, ignore; .txt: a name in each line"
)
"""Of the formats of `pipeline.importers.class_files`."""


def main() -> None:
    """Runs the command in the program's arguments."""
    run(lambda: call(sys.argv[1:]))


def call(words: Sequence[str]) -> None:
    """Runs the command in `words`.

    Raises:
        SeglineError: whatever the command refuses.
    """
    arguments = build_parser().parse_args(words)
    set_environment()
    if arguments.call is not predict:
        check_folder()
    arguments.call(arguments)


def build_parser() -> argparse.ArgumentParser:
    """The parser of all commands; `call` of what it parses is the function to run."""
    parser = argparse.ArgumentParser(
        prog="segline",
        description="From labelled images to a gated, registered segmentation model.",
        epilog="Run it in the project's folder. Exit codes: 0 done, 1 error, 2 wrong words, 3 rejected by the gate.",
    )
    parser.add_argument("--version", action="version", version=f"segline {version('segline')}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    _add_imports(commands)
    _add_flow(commands)
    _add_registry(commands)
    return parser


def _add_imports(commands: Commands) -> None:
    parent = commands.add_parser("import", help="bring labelled images in as data/ and give them a version")
    sources = parent.add_subparsers(title="sources", required=True, metavar="SOURCE")

    demo = _add(sources, "demo", import_demo, "draw street scenes", "segline import demo")
    demo.add_argument("--seed", type=int, help="another seed draws other scenes (default: 0)")
    demo.add_argument("--num-images", type=int, help="how many (default: 240)")

    camvid = _add(sources, "camvid", import_camvid, "bring CamVid in SegNet's layout", "segline import camvid CamVid")
    camvid.add_argument("source", metavar="SRC", type=Path, help="folder with train, trainannot, val, valannot, ...")

    example = "segline import folder photos labels --classes classes.yaml --group '(.*)_[0-9]+'"
    folder = _add(sources, "folder", import_folder, "bring in a folder of images and one of masks", example)
    folder.add_argument("images", metavar="IMAGES", help="folder of images, or s3://bucket/prefix")
    folder.add_argument("masks", metavar="MASKS", help="folder of masks named as the images, or s3://bucket/prefix")
    folder.add_argument("--classes", required=True, type=Path, help=CLASSES_HELP)
    folder.add_argument("--kind", choices=("auto", "index", "binary", "colour"), help="of the masks (default: auto)")
    folder.add_argument("--mask-suffix", help="what a mask's name has beyond the image's, such as _mask")
    folder.add_argument("--group", help="regular expression: its first bracket is the group, found in the image's path")
    folder.add_argument("--samples", type=Path, help="CSV: name and, optional, group, split; goes before --group")


def _add_flow(commands: Commands) -> None:
    example = "segline run --promote"
    start = _add(commands, "run", run_flow, "run what is not fresh, register what the gate accepts", example)
    _add_promote(start)

    example = "segline schedule --cron '0 3 * * 1' --timezone Europe/Berlin --promote"
    serve = _add(commands, "schedule", schedule, "run the flow on a schedule, until stopped", example)
    serve.add_argument("--cron", required=True, help="minute, hour, day of month, month, day of week")
    serve.add_argument("--timezone", default="UTC", help="in which the cron line is meant (default: UTC)")
    _add_promote(serve)


def _add_promote(parser: argparse.ArgumentParser) -> None:
    words = "make the new model champion if the rule in params.yaml allows it"
    parser.add_argument("--promote", action="store_true", help=words)


def _add_registry(commands: Commands) -> None:
    _add(commands, "register", register, "register the model in work/ that the gate accepted", "segline register")
    words = "make a challenger the champion if the rule in params.yaml allows it"
    move = _add(commands, "promote", promote, words, "segline promote")
    move.add_argument("version", nargs="?", help="version to promote (default: the challenger)")
    example = "segline rollback --to 7"
    back = _add(commands, "rollback", rollback, "make the previous champion champion again", example)
    back.add_argument("--to", metavar="VERSION", help="make this version champion (default: the previous champion)")
    _add(commands, "history", history, "show every decision on the champion", "segline history")
    example = "segline compare challenger champion"
    two = _add(commands, "compare", compare, "compare two models on today's test split; changes nothing", example)
    two.add_argument("first", metavar="A", help="version, alias or the folder of a SavedModel")
    two.add_argument("second", metavar="B", help="likewise; shown is what A has more than B")
    example = "segline noise --runs 5"
    spread = _add(commands, "noise", noise, "measure how far mean IoU spreads by the seed alone", example)
    spread.add_argument("--runs", type=int, required=True, metavar="N", help="trainings with other seeds, 3 or more")
    _add(commands, "status", status, "show versions, aliases, scores and age", "segline status")

    _add(commands, "doctor", doctor, "show what is wrong here or was left over, and how to mend it", "segline doctor")

    example = "segline predict segline@champion photos masks"
    use = _add(commands, "predict", predict, "write masks and overlays for images", example)
    use.add_argument("model", metavar="MODEL", help="ALIAS, VERSION, NAME@ALIAS, NAME/VERSION or a SavedModel's folder")
    use.add_argument("images", metavar="IMAGES", type=Path, help="an image or a folder of images")
    use.add_argument("out", metavar="OUT", type=Path, help="folder to write to")


def _add(
    commands: Commands, name: str, function: Callable[[Arguments], None], help_text: str, example: str
) -> argparse.ArgumentParser:
    words = f"{help_text[0].upper()}{help_text[1:]}."
    parser: argparse.ArgumentParser = commands.add_parser(
        name, help=help_text, description=words, epilog=f"Example: {example}"
    )
    parser.set_defaults(call=function)
    return parser


def check_folder() -> None:
    """Refuses to work outside a project.

    Raises:
        StageError: names what is missing.
    """
    for name in ("dvc.yaml", "params.yaml"):
        if not Path(name).is_file():
            raise StageError(f"{Path.cwd()}: is no segline project, found no {name}; change to the project's folder")


def import_demo(arguments: Arguments) -> None:
    """Draws the demo data set."""
    _import("demo", **_given(arguments, "seed", "num_images"))


def import_camvid(arguments: Arguments) -> None:
    """Brings CamVid in."""
    _import("camvid", arguments.source)


def import_folder(arguments: Arguments) -> None:
    """Brings a folder of images and one of masks in."""
    options = _given(arguments, "classes", "kind", "mask_suffix", "group", "samples")
    _import("folder", arguments.images, arguments.masks, **options)


def _given(arguments: Arguments, *names: str) -> dict[str, Any]:
    """The options that were given; the step knows the defaults of the others."""
    return {name: value for name in names if (value := getattr(arguments, name)) is not None}


def _import(name: str, *words: Any, **options: Any) -> None:
    from pipeline.steps.import_ import import_data

    imported = import_data(name, *words, **options)
    splits = ", ".join(f"{number} {split}" for split, number in imported.num_by_split.items())
    print(f"data/ holds {imported.num_samples} samples of {imported.num_classes} classes ({splits})")
    for note in imported.notes:
        print(f"note: {note}")


def run_flow(arguments: Arguments) -> None:
    """Runs the flow in a process of its own, so that its last logs are sent before Prefect's server ends."""
    from flows.start import check_start

    check_start()  # told at once, not after the server's start
    with only_one("run"):
        pass
    with prefect_server() as address:
        print(f"Prefect shows this run at {where_pages_are(address)}", flush=True)
        command = (sys.executable, "-m", "flows.run", *(["--promote"] if arguments.promote else []))
        with started(command, None) as child:
            code = child.wait()
    sys.exit(code)


def schedule(arguments: Arguments) -> None:
    """Serves the flow until stopped."""
    with only_one("schedule"):
        from flows.retrain import check_schedule, serve
        from flows.start import check_start

        check_schedule(arguments.cron, arguments.timezone)
        check_start()
        with prefect_server() as address:
            print(f"Prefect shows the schedule at {where_pages_are(address)}; stop it with Ctrl-C", flush=True)
            serve(arguments.cron, arguments.timezone, arguments.promote)


def register(_: Arguments) -> None:
    """Registers the model in work/."""
    from pipeline.steps import register as step

    step.register()


def promote(arguments: Arguments) -> None:
    """Compares a version with the champion and moves the alias."""
    from pipeline.steps import promote as step

    step.promote(arguments.version)


def rollback(arguments: Arguments) -> None:
    """Makes the previous champion, or a named version, champion again."""
    from pipeline.steps import rollback as step

    step.rollback(arguments.to)


def history(_: Arguments) -> None:
    """Shows the ledger as a table."""
    from pipeline.steps import history as step

    step.history()


def compare(arguments: Arguments) -> None:
    """Compares two models."""
    from pipeline.steps import compare as step

    step.compare(arguments.first, arguments.second)


def noise(arguments: Arguments) -> None:
    """Trains with other seeds and stores the noise floor."""
    from pipeline.steps import noise as step

    with only_one("noise"):
        step.noise(arguments.runs)


def status(_: Arguments) -> None:
    """Shows the registry as a table."""
    from pipeline.steps import status as step

    step.status()


def doctor(_: Arguments) -> None:
    """Shows facts and leftovers; exit code 1 where something needs attention."""
    from flows.doctor import doctor as examine

    if not examine():
        sys.exit(1)


def predict(arguments: Arguments) -> None:
    """Predicts with a registered model or a folder."""
    from pipeline.registry.model_cache import resolve_model
    from pipeline.steps import predict as step

    step.tell(step.predict(resolve_model(arguments.model), arguments.images, arguments.out), arguments.out)


if __name__ == "__main__":
    main()
