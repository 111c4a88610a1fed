"""Makes the previous champion, or a named version, champion again; a line in the ledger says so."""

from pipeline.aliases import Standing, check_agreement, find_number, read_standing, record
from pipeline.errors import EvidenceError, RegistryError
from pipeline.ledger import new_line
from pipeline.program import run
from pipeline.registry import Version, find_version, model_name


def rollback(to: str | None = None) -> Version:
    """Moves `champion` back, and the champion becomes `previous`; a second rollback undoes the first.

    Args:
        to: number or alias of a version that was champion before; the previous champion where none is given. With it
            aliases that were moved by hand are put right as well, and then any version will do that the gate accepted.

    Returns:
        The champion now.

    Raises:
        EvidenceError: the gate never accepted that version, or it never was champion.
        RegistryError: there is nothing to roll back to, `champion` was moved by hand, or someone was faster.
    """
    standing = read_standing(completes=True)
    target = _find_target(standing) if to is None else _find_named(to, standing)
    move(target, standing)
    before = standing.state.champion
    rest = f", {model_name()}/{before} is previous" if before and before != target.number else ""
    print(f"{target} is champion{' again' if to is None else ''}{rest}")
    return target


def move(target: Version, standing: Standing) -> None:
    """Writes a rollback into the ledger and moves the aliases.

    Args:
        target: the champion to be.
        standing: of ledger and aliases when that was decided.

    Raises:
        EvidenceError: the gate never accepted that version.
        RegistryError: someone was faster.
    """
    if target.tags.get("verdict") != "accepted":
        raise EvidenceError(
            f"{target}: has no accepted verdict, so it cannot be champion; `segline history` shows which"
        )
    before = standing.state.champion
    reason = f"{target} in place of {f'{model_name()}/{before}' if before else 'none'}"
    line = new_line("rollback", target.number, standing.lines, standing.found, (reason,), standing.acceptance)
    effect = record(line)
    if effect.what == "void":
        raise RegistryError(f"{effect.reason}; nothing was rolled back, see `segline history` and run this again")


def _find_target(standing: Standing) -> Version:
    check_agreement(standing)
    champion, previous = find_number(standing.state.champion), standing.state.previous
    if champion is None:
        raise RegistryError("there is no champion to roll back; `segline status` shows what there is")
    if previous is None or previous == champion.number:
        raise RegistryError(
            f"{champion} is champion and no version was before it; name another with `segline rollback --to VERSION`"
        )
    return find_version(str(previous))


def _find_named(to: str, standing: Standing) -> Version:
    target = find_version(to)
    if target.name != model_name():
        raise RegistryError(f"{target}: is no version of {model_name()}; set SEGLINE_MODEL_NAME to {target.name}")
    if target.number == standing.state.champion and standing.complaint is None:
        raise RegistryError(f"{target} is the champion already; `segline history` shows who was before")
    if standing.complaint is None and target.number not in _list_champions(standing):
        raise EvidenceError(
            f"{target}: never was champion, so there is nothing to go back to; `segline promote {target.number}` "
            "compares it with the champion"
        )
    return target


def _list_champions(standing: Standing) -> set[int | None]:
    """Whoever was champion at some time."""
    start = standing.lines[0].found if standing.lines else standing.found
    return {start.champion, start.previous, *(effect.champion for effect in standing.state.effects)}


def main() -> None:
    """Rolls the last promotion back."""
    rollback()


if __name__ == "__main__":
    run(main)
