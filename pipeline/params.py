"""`params.yaml`: everything that changes the model's bytes, checked before anything runs."""

from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from pipeline.errors import ParamsError
from pipeline.files import read_yaml

PARAMS = Path("params.yaml")

Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]
Count = Annotated[int, Field(ge=0)]
Size = tuple[Annotated[int, Field(ge=8, le=8192)], Annotated[int, Field(ge=8, le=8192)]]
"""(height, width) in pixels."""


class Section(BaseModel):
    """A part of `params.yaml`: no defaults, no unknown names, no nan."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, strict=True)


class SplitParams(Section):
    """Shares of the groups that a hash of their name sends to `val` and `test`; the rest is `train`."""

    val: Share
    test: Share

    @model_validator(mode="after")
    def _leaves_some_for_training(self) -> "SplitParams":
        if self.val + self.test >= 1:
            raise ValueError(f"val + test is {self.val + self.test:g}, which leaves nothing for train")
        return self


class ValidateParams(Section):
    """Limits of the data contract."""

    on_error: Literal["stop", "quarantine"]
    split: SplitParams
    groups_in_several_splits: tuple[str, ...]
    near_duplicates: Literal["error", "warning", "off"]
    near_duplicate_bits: Annotated[int, Field(ge=0, le=16)]
    max_ignored_share: Share
    one_class_masks: Literal["error", "warning", "off"]


class PreprocessParams(Section):
    """The size at which the model sees an image."""

    image_size: Size


class UNetParams(Section):
    """Shape of the U-Net."""

    num_levels: Annotated[int, Field(ge=1, le=7)]
    width: Annotated[int, Field(ge=1, le=1024)]
    dropout: Annotated[float, Field(ge=0, lt=1)]


class AugmentParams(Section):
    """Ranges of the random transforms; 0 (or 1 for `scale`) switches one off."""

    flip_horizontal: bool
    flip_vertical: bool
    scale: tuple[Positive, Positive]
    rotate_deg: Annotated[float, Field(ge=0, le=180)]
    crop: Size
    brightness: Share
    contrast: Annotated[float, Field(ge=0, lt=1)]
    saturation: Share

    @model_validator(mode="after")
    def _scale_is_ordered(self) -> "AugmentParams":
        if self.scale[0] > self.scale[1]:
            raise ValueError(f"scale is {list(self.scale)}; put the smaller number first")
        return self


class TrainParams(Section):
    """How the model is trained."""

    seed: Count
    num_epochs: Annotated[int, Field(ge=1)]
    batch_size: Annotated[int, Field(ge=1)]
    learning_rate: Positive
    warmup_epochs: NotNegative
    weight_decay: NotNegative
    clip_norm: Positive
    dice_weight: Share
    class_weights: Literal["none", "inverse_sqrt", "median_frequency"]
    early_stopping_epochs: Count
    precision: Literal["auto", "float32", "mixed_bfloat16"]
    num_threads: Annotated[int, Field(ge=1)]
    unet: UNetParams
    augment: AugmentParams


class PostprocessParams(Section):
    """Cleaning of the predicted mask; 0 switches a step off."""

    open_px: Count
    close_px: Count
    min_area_px: Count


class ExportParams(Section):
    """What the SavedModel does beside the network, and how far it may stray from the Keras model."""

    precision: Literal["float32", "mixed_bfloat16"]
    max_disagreeing_share: Share
    max_probability_difference: Share
    num_golden_images: Annotated[int, Field(ge=1)]
    postprocess: PostprocessParams


class BootstrapParams(Section):
    """Error bars of the scores."""

    unit: Literal["group", "image"]
    num_resamples: Annotated[int, Field(ge=100, le=100_000)]
    seed: Count
    confidence: Annotated[float, Field(gt=0.5, lt=1)]
    min_units: Annotated[int, Field(ge=2)]


class EvaluateParams(Section):
    """What is measured beside the confusion, and how much of it is shown as pictures."""

    num_worst_overlays: Count
    num_random_overlays: Count
    num_suspects: Count
    seed: Count
    boundary_width: Annotated[float, Field(gt=0, le=0.5)]
    boundary_tolerance_px: Annotated[int, Field(ge=0, le=64)]
    suspect_confidence: Annotated[float, Field(gt=0, le=1)]
    suspect_min_area_px: Annotated[int, Field(ge=1)]
    bootstrap: BootstrapParams


class GateParams(Section):
    """Floors that the scores on the test split must reach; None or an empty table switches one off."""

    min_mean_iou: Share | None
    min_mean_iou_low: Share | None
    min_class_iou: dict[str, Share] | None
    min_class_iou_low: dict[str, Share] | None
    min_slice_iou: dict[str, Share] | None
    min_slice_iou_low: dict[str, Share] | None


class PromoteParams(Section):
    """What a challenger has to show against the champion, and how sure it has to be."""

    rule: Literal["superior", "non_inferior"]
    margin: Share
    class_margin: Share
    confidence: Annotated[float, Field(gt=0.5, lt=1)]
    num_resamples: Annotated[int, Field(ge=100, le=100_000)]
    seed: Count
    unit: Literal["group", "image"]
    min_units: Annotated[int, Field(ge=2)]
    anchor: Literal["best", "none"] | Annotated[int, Field(ge=1)]
    noise_floor: Literal["note", "require"]


class Params(Section):
    """The whole of `params.yaml`, a section for each stage."""

    validate_: ValidateParams = Field(alias="validate")
    preprocess: PreprocessParams
    train: TrainParams
    export: ExportParams
    evaluate: EvaluateParams
    gate: GateParams
    promote: PromoteParams


def read_params(path: Path = PARAMS) -> Params:
    """Reads and checks `params.yaml`.

    Raises:
        ParamsError: the file is missing or not YAML, or a value is missing, unknown, of the wrong type or out of range.
    """
    otherwise = "run this in the project's folder, or restore it from git"
    return parse_params(read_yaml(path, ParamsError, otherwise), path)


def parse_params(content: Any, path: Path = PARAMS) -> Params:
    """Checks the content of a params file; `path` is for the message.

    Raises:
        ParamsError: names every value that is wrong, not only the first.
    """
    if not isinstance(content, dict):
        raise ParamsError(f"{path}: found {type(content).__name__}, expected sections such as `train:`")
    try:
        return Params.model_validate(_lists_to_tuples(content))
    except ValidationError as err:
        lines = [_explain(error, content) for error in err.errors()]
        raise ParamsError(f"{path}: " + f"\n{path}: ".join(lines)) from err


def _lists_to_tuples(content: Any) -> Any:
    """YAML knows lists only; the params are frozen, so they hold tuples."""
    if isinstance(content, dict):
        return {name: _lists_to_tuples(value) for name, value in content.items()}
    if isinstance(content, list):
        return tuple(_lists_to_tuples(value) for value in content)
    return content


def _explain(error: Any, content: dict[str, Any]) -> str:
    location = [str(part) for part in error["loc"]]
    name = ".".join(location)
    if error["type"] == "extra_forbidden":
        return f"unknown name `{name}`{_guess(location)}; remove it or correct its spelling"
    if error["type"] == "missing":
        return f"`{name}` is missing; nothing has a default, so add it"
    if isinstance(error["input"], str) and _is_number(error["input"]):
        return f"`{name}` is the text {error['input']!r}, expected a number; YAML wants 1.0e-3, not 1e-3"
    return f"`{name}` is {error['input']!r}; {error['msg'].removeprefix('Value error, ')}"


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _guess(location: list[str]) -> str:
    """The known name nearest to the unknown one, in the section where it was found."""
    section: Any = Params
    for part in location[:-1]:
        fields = {field.alias or name: field for name, field in section.model_fields.items()}
        section = fields[part].annotation
    known = [field.alias or name for name, field in section.model_fields.items()]
    near = get_close_matches(location[-1], known, n=1)
    return f", did you mean `{near[0]}`?" if near else f" (known here: {', '.join(known)})"
