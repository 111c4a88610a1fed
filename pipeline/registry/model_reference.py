"""How a person names a registered model."""

import re
from dataclasses import dataclass

from pipeline.errors import RegistryError


@dataclass(frozen=True)
class ModelReference:
    """One version of a registered model, by number or by alias.

    Attributes:
        name: of the registered model.
        number: of the version; None where an alias is given.
        alias: None where a number is given.
    """

    name: str
    number: int | None
    alias: str | None

    def __str__(self) -> str:
        return f"{self.name}@{self.alias}" if self.alias else f"{self.name}/{self.number}"


def parse_reference(text: str, default_name: str) -> ModelReference:
    """Reads `NAME@ALIAS`, `NAME/NUMBER`, `@ALIAS`, `ALIAS` or `NUMBER`, each with or without `models:/` before it.

    Args:
        text: as typed.
        default_name: of the registered model where the text names none.

    Raises:
        RegistryError: it is none of these.
    """
    body = text.removeprefix("models:/")
    if found := re.fullmatch(r"(?:(?P<name>[\w. -]+)?@)?(?P<alias>[A-Za-z_][\w-]*)", body):
        return ModelReference(found["name"] or default_name, None, found["alias"])
    if found := re.fullmatch(r"(?:(?P<name>[\w. -]+)/)?(?P<number>[0-9]{1,10})", body):
        return ModelReference(found["name"] or default_name, int(found["number"]), None)
    raise RegistryError(
        f"{text}: no such folder, and no name of a registered model; expected a model's folder, "
        "NAME@ALIAS, NAME/VERSION, or @ALIAS such as @champion"
    )
