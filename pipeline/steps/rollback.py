"""Makes the previous champion champion again, and the champion `previous`."""

from pipeline.errors import RegistryError
from pipeline.program import run
from pipeline.registry import CHAMPION, PREVIOUS, Version, find_alias, set_alias


def rollback() -> Version:
    """Exchanges the aliases `champion` and `previous`; a second rollback undoes the first.

    Returns:
        The champion now.

    Raises:
        RegistryError: there is no champion, or no other version that was champion before.
    """
    champion, previous = find_alias(CHAMPION), find_alias(PREVIOUS)
    if champion is None:
        raise RegistryError("there is no champion to roll back; `segline status` shows what there is")
    if previous is None or previous.number == champion.number:
        raise RegistryError(
            f"{champion} is champion and no version was before it; promote another with `segline promote VERSION`"
        )
    set_alias(CHAMPION, previous)
    set_alias(PREVIOUS, champion)
    print(f"{previous} is champion again, {champion} is previous")
    return previous


def main() -> None:
    """Rolls the last promotion back."""
    rollback()


if __name__ == "__main__":
    run(main)
