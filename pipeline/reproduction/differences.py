"""What differs between a registered version and what was made again, and where the first difference is."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from pipeline.registry.lineage import LockedStage

History = Sequence[Mapping[str, float]]
DATA, TRAIN = "data", "train"
NAMES = {"validate": "validation", "preprocess": "packing", "export": "the SavedModel", "gate": "the verdict"}


@dataclass(frozen=True)
class Output:
    """An output of a stage.

    Attributes:
        stage: that wrote it.
        path: its file or folder.
        registered: its MD5 in the registered dvc.lock.
        found: its MD5 now; None: it was not made.
    """

    stage: str
    path: str
    registered: str | None
    found: str | None

    @property
    def is_equal(self) -> bool:
        """True if it has the same bytes."""
        return self.registered == self.found


def compare_outputs(registered: Mapping[str, LockedStage], made: Mapping[str, LockedStage]) -> tuple[Output, ...]:
    """A row for each registered output, in the order of the stages."""
    found = {out.path: out.md5 for stage in made.values() for out in stage.outs}
    return tuple(
        Output(name, out.path, out.md5, found.get(out.path)) for name, stage in registered.items() for out in stage.outs
    )


def first_difference(
    registered: Mapping[str, LockedStage],
    made: Mapping[str, LockedStage],
    histories: tuple[History, History],
) -> str:
    """Where the two part: data, code, params, or the first stage with another output; of a training the epoch.

    Args:
        registered: stages of the registered dvc.lock.
        made: stages of the new one.
        histories: of the trainings, a row for each epoch.

    Returns:
        A phrase; empty if every output is equal.
    """
    for name, stage in registered.items():
        other = made.get(name)
        if other is None:
            return f"stage {name} was not run"
        if [(out.path, out.md5) for out in stage.outs] == [(out.path, out.md5) for out in other.outs]:
            continue
        causes = [*_list_inputs(stage, other), *(["params"] if stage.params != other.params else [])]
        if causes:
            return f"{', '.join(causes)}, which stage {name} reads"
        return _first_epoch(*histories) if name == TRAIN else NAMES.get(name, f"the output of stage {name}")
    return ""


def _list_inputs(registered: LockedStage, made: LockedStage) -> Iterator[str]:
    """Inputs that differ; an output of a stage before would have been the first difference itself."""
    found = {dep.path: dep.md5 for dep in made.deps}
    for dep in registered.deps:
        if found.get(dep.path) != dep.md5:
            yield "data" if dep.path == DATA else f"code in {dep.path}"


def _first_epoch(registered: History, made: History) -> str:
    for ours, theirs in zip(registered, made, strict=False):
        if different := sorted(name for name in ours if ours[name] != theirs.get(name)):
            name = different[0]
            epoch = ours.get("epoch", 0)
            return f"epoch {epoch:g} of the training: {name} is {theirs.get(name)}, registered is {ours[name]}"
    if len(registered) != len(made):
        return f"the training's length: {len(made)} epochs, registered are {len(registered)}"
    return "the weights; the training's history is the same"
