"""The base of the sections of `params.yaml` and the types of their values; rooms may import it, it reads nothing."""

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field


def _whole(value: Any) -> Any:
    """2.0 and 1e3 are whole numbers, however they are written."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


Whole = Annotated[int, BeforeValidator(_whole)]
Share = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[Whole, Field(ge=0, le=500)]
"""Number of pictures that are kept in memory and shown on a page."""
Seed = Annotated[Whole, Field(ge=0, lt=2**32)]
"""Range that every generator of random numbers accepts."""
Epochs = Annotated[Whole, Field(ge=0, le=100_000)]
Rate = Annotated[float, Field(ge=1e-12, le=10)]
"""A smaller rate changes no float32 weight, a larger one never converges."""
LightRange = Annotated[float, Field(ge=0, le=3)]
Zoom = Annotated[float, Field(ge=0.1, le=10)]
CrfWeight = Annotated[float, Field(ge=0, le=1000)]
CrfDeviation = Annotated[float, Field(ge=0.1, le=100_000)]
"""Of a Gaussian; a smaller one joins no two pixels, a larger one all."""
EllipsePx = Annotated[Whole, Field(ge=0, le=255)]
"""The time of opening and closing grows with the ellipse's area."""
AreaPx = Annotated[Whole, Field(ge=0, le=2**26)]
"""Up to the largest image, 8192 x 8192."""
SidePx = Annotated[Whole, Field(ge=8, le=8192)]
Size = tuple[SidePx, SidePx]
"""(height, width) in pixels."""


class Section(BaseModel):
    """A part of `params.yaml`: no defaults, no unknown names, no nan."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, strict=True)
