"""Verifies a registered version: every hash that the registry says of it is computed again."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from pipeline.errors import SeglineError
from pipeline.ledger.aliases import Standing, read_standing
from pipeline.provenance.origin import compare_commit, compare_data, compare_environment, compare_outputs
from pipeline.provenance.registered import Registered, opened_version
from pipeline.provenance.rows import Row, some
from pipeline.provenance.stored import compare_files, compare_metrics, compare_model, compare_params, compare_tags
from pipeline.registry.client import CHAMPION, PREVIOUS, Version, model_name

ROLLBACK = "`segline rollback --to VERSION`"


class Verification(NamedTuple):
    """The result of a verification.

    Attributes:
        version: that was verified.
        rows: one for each thing.
    """

    version: Version
    rows: tuple[Row, ...]

    @property
    def agrees(self) -> bool:
        """True if nothing differs and nothing is missing."""
        return all(row.state == "agree" for row in self.rows)


def compare_ledger(registered: Registered) -> Iterator[Row]:
    """The ledger's chain and signatures, and the aliases that follow it; a changed ledger cannot judge aliases.

    Of another model than ours there is no ledger.
    """
    if registered.version.name != model_name():
        return
    standing = read_standing()
    number = f"{len(standing.lines)} line{'s' * (len(standing.lines) != 1)}"
    if standing.findings:
        yield Row("ledger", "-", some(list(standing.findings)), "differs", standing.describe_findings() or "")
        return
    yield Row("ledger", number, f"{number}, chain whole", "agree")
    complaint = standing.describe_alias()
    yield Row("aliases", *_describe_aliases(standing), "differs" if complaint else "agree", complaint or "")


def _describe_aliases(standing: Standing) -> tuple[str, str]:
    pairs = ((standing.state.champion, standing.state.previous), (standing.found.champion, standing.found.previous))
    by_ledger, actual = (f"{CHAMPION} {champion or '-'}, {PREVIOUS} {previous or '-'}" for champion, previous in pairs)
    return by_ledger, actual


PRODUCERS: tuple[tuple[str, Callable[[Registered], Iterator[Row]]], ...] = (
    ("data", compare_data),
    ("commit", compare_commit),
    ("environment", compare_environment),
    ("tags", compare_tags),
    ("stored files", compare_files),
    ("params", compare_params),
    ("metrics", compare_metrics),
    ("SavedModel", compare_model),
    ("outputs", compare_outputs),
    ("ledger", compare_ledger),
)
"""What is compared: a name for what cannot be read at all, and a function that gives rows."""


def verify(model: str) -> Verification:
    """Verifies a version, named by number or alias.

    Raises:
        RegistryError: there is no such version, MLflow cannot be reached, or the version's run is gone.
    """
    with opened_version(model) as registered:
        rows = [row for name, producer in PRODUCERS for row in _produce(name, producer, registered)]
        return Verification(registered.version, tuple(rows))


def _produce(name: str, producer: Callable[[Registered], Iterator[Row]], registered: Registered) -> Iterator[Row]:
    """The rows of a producer; what it cannot read is a row too."""
    try:
        yield from producer(registered)
    except (SeglineError, OSError) as err:
        yield Row(name, "-", "cannot be read", "missing", str(err))
