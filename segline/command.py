"""The command `segline`: the functions of the package by words. Their docstrings are the help."""

import inspect
import re
import shlex
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial, wraps
from importlib import import_module
from importlib.metadata import version
from typing import Annotated, Any

from cyclopts import App, CycloptsError, Parameter
from cyclopts.exceptions import UnknownCommandError, UnknownOptionError, UnusedCliTokensError

import segline
from flows.server import set_environment
from pipeline.errors import RejectedError, SeglineError
from pipeline.runtime.program import run
from pipeline.text import quoted

Show = Callable[[Any], None]
STEPS = (
    *(
        "register",
        "promote",
        "rollback",
        "audit",
        "publish",
        "published",
        "history",
        "compare",
        "noise",
        "tune",
        "crossval",
        "pack",
        "plan",
        "diff",
    ),
    *("status", "verify", "lineage", "reproduce", "predict", "suggest"),
)
"""Commands that are a function of the package and a step of the same name."""
HELP = """From labelled images to a gated, registered segmentation model.

Run it in the project's folder. Exit codes: 0 done, 1 error, 2 wrong words, 3 rejected by the gate."""

MINUTES = "\n    minutes: that a training may take, for the plan of params.yaml; 0: no plan.\n\nRaises:"
"""Of the help of an importer."""


class WrongWordsError(SeglineError):
    """The command does not know its words."""

    exit_code = 2


def main() -> None:
    """Runs the command in the program's arguments."""
    run(lambda: call(sys.argv[1:]))


def call(words: Sequence[str]) -> None:
    """Runs the command in `words`.

    Raises:
        SeglineError: the command refuses its words or cannot do its work.
    """
    function, bound = parse(words)
    set_environment()
    function(*bound.args, **bound.kwargs)


def parse(words: Sequence[str]) -> tuple[Callable[..., Any], inspect.BoundArguments]:
    """The function that the words name, and its arguments.

    Raises:
        WrongWordsError: they name no command, or not as its help says.
    """
    app = build_app(with_importers="import" in words[:1])
    try:
        function, bound, _ = app.parse_args(list(words), exit_on_error=False, print_error=False)
    except CycloptsError as err:
        raise WrongWordsError(_explain(err)) from err
    if getattr(function, "__func__", None) is App.help_print and not {"-h", "--help"} & set(words):
        commands = _commands_of(app.parse_commands(list(words))[1][-1])  # Cyclopts would show the help, and no error
        raise WrongWordsError(f"COMMAND is missing; expected one of {commands}")
    return function, bound


def build_app(with_importers: bool = True) -> App:
    """The command as Cyclopts has it; importers take longer to import than the rest together."""
    app = App(
        name="segline",
        help=HELP,
        version=f"segline {version('segline')}",
        help_format="plaintext",
        default_parameter=Parameter(negative=()),
    )
    importers = App(name="import", help="Brings labelled images in as data/ and gives them a version.")
    app.command(importers)
    if with_importers:
        from pipeline.importers.formats import IMPORTERS

        for name, importer in IMPORTERS.items():
            add(importers, name, partial(segline.import_data, name), with_minutes(importer), show_imported)
    add(app, "run", run_flow, segline.run, sys.exit)
    add(app, "schedule", run_schedule, segline.schedule, sys.exit)
    add(app, "watch", segline.watch, segline.watch, lambda _: None)  # it shows by itself
    for step in STEPS:
        function = getattr(segline, step)
        add(app, step, function, function, _show_by(f"pipeline.steps.{step}"))
    add(app, "clean", segline.clean, segline.clean, _show_by("pipeline.steps.clean"))
    add(app, "unpack", segline.unpack, segline.unpack, _show_by("pipeline.steps.pack", "show_unpacked"))
    add(app, "doctor", segline.doctor, segline.doctor, _show_by("flows.doctor.examination"))
    return app


def add(app: App, name: str, function: Callable[..., Any], signature_of: Callable[..., Any], show: Show) -> None:
    """Adds a command that calls `function` and prints its result by `show`.

    The positional parameters of `signature_of` are its words, the other ones its options; the docstring is the help.
    """

    @wraps(signature_of)
    def command(*args: Any, **options: Any) -> None:
        show(function(*args, **options))

    parameters = [_as_word(parameter) for parameter in inspect.signature(signature_of).parameters.values()]
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__doc__ = re.sub(r"\n {8,}", " ", inspect.getdoc(signature_of) or "")  # lines of one entry of Args
    command.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    app.command(command, name=name)


def _as_word(parameter: inspect.Parameter) -> inspect.Parameter:
    """A positional parameter is not an option too; an int must be written as a whole number."""
    if parameter.kind is parameter.POSITIONAL_OR_KEYWORD:
        parameter = parameter.replace(kind=parameter.POSITIONAL_ONLY)
    if parameter.annotation in (int, int | None):
        parameter = parameter.replace(annotation=Annotated[parameter.annotation, Parameter(converter=_to_int)])
    return parameter


def _to_int(_: type, tokens: Sequence[Any]) -> int:
    """Cyclopts itself rounds 2.5 to 2."""
    try:
        return int(tokens[0].value)
    except ValueError as err:
        raise ValueError(f"{quoted(tokens[0].value)} is not a whole number") from err


def _show_by(module: str, function: str = "show") -> Show:
    """Prints by a function of a module, which is imported when it is called."""
    return lambda result: getattr(import_module(module), function)(result)


def show_imported(imported: Any) -> None:
    """Prints what came in, and the plan."""
    _show_by("pipeline.steps.import_")(imported)
    _show_by("pipeline.steps.plan")(imported.plan)


def with_minutes(importer: Callable[..., Any]) -> Callable[..., Any]:
    """An importer's signature and help with the option of the plan that follows it."""

    @wraps(importer)
    def planned(*args: Any, minutes: float, **options: Any) -> Any:
        return importer(*args, **options)

    minutes = inspect.Parameter("minutes", inspect.Parameter.KEYWORD_ONLY, default=30.0, annotation=float)
    signature = inspect.signature(importer)
    planned.__signature__ = signature.replace(parameters=[*signature.parameters.values(), minutes])  # type: ignore[attr-defined]
    planned.__doc__ = (inspect.getdoc(importer) or "").replace("\n\nRaises:", MINUTES, 1)
    return planned


def run_flow(promote: bool = False) -> int:
    """Runs the flow, which prints its own errors; gives the exit code."""
    from flows.run import RunError

    try:
        return 0 if segline.run(promote=promote).accepted else RejectedError.exit_code
    except RunError as err:
        return err.exit_code


def run_schedule(source: str = "", **options: Any) -> int:
    """Serves or runs the flow, which prints its own errors; gives the exit code."""
    from flows.run import RunError

    with suppress(ValueError):  # no words at all are refused by the schedule itself
        if source:
            parse(["import", *shlex.split(source)])
    try:
        return 0 if segline.schedule(source=source, **options) else RejectedError.exit_code
    except RunError as err:
        return err.exit_code


def _explain(err: CycloptsError) -> str:
    """Names the wrong word and the known ones."""
    place = " ".join(["segline", *(err.command_chain or ())])
    if isinstance(err, UnknownCommandError) and err.app and err.unused_tokens:
        text = f"{quoted(err.unused_tokens[0])} is not a command of `{place}`; expected one of {_commands_of(err.app)}"
    elif isinstance(err, UnknownOptionError):
        options = (name for argument in err.argument_collection for name in argument.names if name.startswith("--"))
        text = f"{quoted(err.token.keyword or err.token.value)} is not an option of `{place}`"
        text += f"; known are {', '.join([*options, '--help'])}"
    elif isinstance(err, UnusedCliTokensError) and err.unused_tokens:
        text = f"{quoted(err.unused_tokens[0])}: one word too many for `{place}`"
    else:
        text = str(err).rstrip(".")
    return f"{text}; `{place} --help` explains"


def _commands_of(app: App) -> str:
    return ", ".join(name for name in app if not name.startswith("-"))


if __name__ == "__main__":
    main()
