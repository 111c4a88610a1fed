"""The errors of segline. Each message says what was found, what was expected and what to do."""

from pipeline.secrets import without_secrets
from pipeline.text import printable


class SeglineError(Exception):
    """Base of all errors that a user can fix; its text holds no password and no terminal control character."""

    exit_code = 1
    """Of a program that this error ends."""

    def __str__(self) -> str:
        return printable(without_secrets(super().__str__()))


class DataError(SeglineError):
    """The images, masks or class list break the data contract."""


class ParamsError(SeglineError):
    """`params.yaml` has a missing, unknown or impossible value."""


class TrainingError(SeglineError):
    """Training cannot start, continue or produced numbers that are not finite."""


class ExportError(SeglineError):
    """The SavedModel cannot be written or disagrees with the Keras model."""


class EvidenceError(SeglineError):
    """A verdict, score or lineage is missing, rejected or does not belong to the files next to it."""


class RejectedError(EvidenceError):
    """The gate rejected this model."""

    exit_code = 3


class RegistryError(SeglineError):
    """The MLflow registry cannot be reached or lacks the requested entry."""


class StageError(SeglineError):
    """A stage, DVC or the disk failed under a step."""


class StorageError(SeglineError):
    """An object store cannot be reached or refuses."""


class RepositoryError(SeglineError):
    """git is missing, fails, or its remote refuses."""
