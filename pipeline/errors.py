"""What segline raises. Each message says what was found, what was expected and what to do."""

from pipeline.secrets import without_secrets
from pipeline.text import printable


class SeglineError(Exception):
    """Base of all errors that a user can mend; its text holds no password and nothing that steers a terminal.

    Attributes:
        exit_code: of a program that ends with it.
    """

    exit_code = 1

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
    """A verdict, score or lineage is missing, rejected or does not belong to what lies beside it."""


class RejectedError(EvidenceError):
    """The gate rejected the model that is meant."""

    exit_code = 3


class RegistryError(SeglineError):
    """The MLflow registry cannot be reached or has not what was asked for."""


class StageError(SeglineError):
    """A stage, DVC or the disk failed under a step."""


class StorageError(SeglineError):
    """An object store cannot be reached or refuses."""
