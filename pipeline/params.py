"""`params.yaml`: everything that changes the model's bytes, checked before anything runs."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, field_validator, model_validator

from pipeline.disk.files import read_yaml
from pipeline.errors import ParamsError
from pipeline.networks.table import AnyNetwork
from pipeline.param_types import (
    AreaPx,
    Count,
    CrfDeviation,
    CrfWeight,
    EllipsePx,
    Epochs,
    LightRange,
    Rate,
    Section,
    Seed,
    Share,
    Size,
    Whole,
    Zoom,
)
from pipeline.params_errors import explain, not_one_of
from pipeline.promotion.findings import Limits
from pipeline.promotion.rules import RULES
from pipeline.runtime.stages import PARAMS, RESTORE
from pipeline.training.losses.table import LOSSES

MAX_PARAMETERS = 500_000_000
"""Of the network: weights, gradient and the optimiser's two moments take 16 bytes each, 8 GB in all."""
MAX_MAP_BYTES = 32 * 2**30
"""Of the network's largest feature map; training holds several at once."""
MIN_BEYOND = 10
"""Resamples that must lie beyond an end of an interval, so that it does not rest on a few."""


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
    reserve: Annotated[float, Field(ge=0, le=0.9)]
    groups_in_several_splits: tuple[str, ...]
    near_duplicates: Literal["error", "warning", "off"]
    near_duplicate_bits: Annotated[Whole, Field(ge=0, le=16)]
    max_ignored_share: Share
    one_class_masks: Literal["error", "warning", "off"]
    binary_looking_masks: Literal["error", "warning", "off"]
    max_image_px: Annotated[Whole, Field(ge=1, le=1 << 28)]
    max_file_mb: Annotated[Whole, Field(ge=1, le=2000)]
    accepted_test: Annotated[str, Field(pattern="^([0-9a-f]{8,32})?$")]

    @property
    def look_bits(self) -> int | None:
        """Bits of 64 that may differ between images that look alike; None: looks are not compared."""
        return None if self.near_duplicates == "off" else self.near_duplicate_bits


class PreprocessParams(Section):
    """The size at which the model sees an image."""

    image_size: Size


class AugmentParams(Section):
    """Ranges of the random transforms; 0 (or 1 for `scale`) switches one off."""

    flip_horizontal: bool
    flip_vertical: bool
    scale: tuple[Zoom, Zoom]
    rotate_deg: Annotated[float, Field(ge=0, le=180)]
    crop: Size
    brightness: Share
    contrast: Annotated[float, Field(ge=0, lt=1)]
    saturation: Share
    gamma: LightRange
    white_balance: LightRange
    rare_class_share: Share
    class_mix: Share

    @model_validator(mode="after")
    def _scale_is_ordered(self) -> "AugmentParams":
        if self.scale[0] > self.scale[1]:
            raise ValueError(f"scale is {list(self.scale)}; put the smaller number first")
        return self


class TrainParams(Section):
    """How the model is trained."""

    seed: Seed
    num_networks: Annotated[Whole, Field(ge=1, le=20)]
    num_epochs: Annotated[Epochs, Field(ge=1)]
    batch_size: Annotated[Whole, Field(ge=1, le=65_536)]
    learning_rate: Rate
    warmup_epochs: Annotated[float, Field(ge=0, le=100_000)]
    weight_decay: Annotated[float, Field(ge=0, le=10)]
    clip_norm: Annotated[float, Field(ge=1e-6, le=1e9)]
    loss: dict[str, Annotated[float, Field(ge=0, le=1000)]]
    label_smoothing: Annotated[float, Field(ge=0, le=0.5)]
    class_weights: Literal["none", "inverse_sqrt", "median_frequency"]
    ema_decay: Annotated[float, Field(ge=0, lt=1)]
    auxiliary_weight: Annotated[float, Field(ge=0, le=10)]
    small_epochs: Epochs
    early_stopping_epochs: Epochs
    precision: Literal["auto", "float32", "mixed_bfloat16"]
    num_threads: Annotated[Whole, Field(ge=1, le=256)]
    network: AnyNetwork
    augment: AugmentParams

    @model_validator(mode="after")
    def _warms_up_before_the_end(self) -> "TrainParams":
        if self.warmup_epochs > self.num_epochs:
            raise ValueError(
                f"warmup_epochs is {self.warmup_epochs:g}, num_epochs {self.num_epochs}: the training would end before "
                "its learning rate is reached; lower warmup_epochs"
            )
        return self

    @model_validator(mode="after")
    def _has_coarse_layers(self) -> "TrainParams":
        if self.auxiliary_weight and not self.network.coarse_layers:
            raise ValueError(
                f"auxiliary_weight is {self.auxiliary_weight:g}, and network {self.network} names no coarser layers; "
                "set it to 0"
            )
        return self

    @model_validator(mode="after")
    def _sees_small_images_for_a_while(self) -> "TrainParams":
        small, crop, network = self.small_epochs, self.augment.crop, self.network
        if small >= self.num_epochs:
            raise ValueError(
                f"small_epochs is {small}, num_epochs {self.num_epochs}: no epoch would have whole images; lower it"
            )
        if small and min(crop) // 2 < network.min_side_px:
            raise ValueError(
                f"small_epochs is {small}, so augment.crop {list(crop)} is halved at first, and network {network} "
                f"needs at least {network.min_side_px} px on each side; enlarge the crop, or set small_epochs to 0"
            )
        return self

    @field_validator("loss")
    @classmethod
    def _losses_are_known(cls, loss: dict[str, float]) -> dict[str, float]:
        if unknown := sorted(loss.keys() - LOSSES.keys()):
            raise ValueError(f"names {not_one_of(unknown[0], LOSSES)}")
        if not any(loss.values()):
            raise ValueError(f"no loss has a weight above 0; give one to {' or '.join(LOSSES)}")
        return loss

    @model_validator(mode="after")
    def _smoothing_has_a_loss(self) -> "TrainParams":
        if self.label_smoothing and not self.loss.get("cross_entropy"):
            raise ValueError(
                f"label_smoothing is {self.label_smoothing:g}, and loss has no cross_entropy, the only one that it "
                "changes; give that a weight, or set label_smoothing to 0"
            )
        return self

    @model_validator(mode="after")
    def _network_suits_memory_and_crop(self) -> "TrainParams":
        network, crop = self.network, self.augment.crop
        if network.num_weights > MAX_PARAMETERS:
            raise ValueError(
                f"network {network} has {network.num_weights / 1e9:.3g} * 10^9 weights, expected at most "
                f"{MAX_PARAMETERS / 1e9:g} * 10^9; make it smaller"
            )
        if min(crop) < network.min_side_px:
            raise ValueError(
                f"augment.crop is {list(crop)}, and network {network} needs at least {network.min_side_px} px on each "
                "side; enlarge the crop or make the network smaller"
            )
        num_bytes = network.map_bytes(self.batch_size, *crop)
        if num_bytes > MAX_MAP_BYTES:
            raise ValueError(
                f"batch_size {self.batch_size}, augment.crop {list(crop)} and network {network} make feature maps of "
                f"{num_bytes / 2**30:.0f} GiB, expected at most {MAX_MAP_BYTES // 2**30}; lower one"
            )
        return self


class PostprocessParams(Section):
    """Cleaning of the predicted mask; 0 switches a step off."""

    open_px: EllipsePx
    close_px: EllipsePx
    min_area_px: AreaPx


class DenseCrfParams(Section):
    """The fully connected CRF after the network, by pixels of the image; 0 iterations switch it off."""

    num_iterations: Annotated[Whole, Field(ge=0, le=100)]
    bilateral_weight: CrfWeight
    position_px: CrfDeviation
    colour: CrfDeviation
    smooth_weight: CrfWeight
    smooth_px: CrfDeviation


class ExportParams(Section):
    """Precision, mirroring and cleaning of the SavedModel, and how far it may differ from the Keras model."""

    precision: Literal["float32", "mixed_bfloat16"]
    flip: bool
    max_disagreeing_share: Share
    max_probability_difference: Share
    num_golden_images: Annotated[Whole, Field(ge=1, le=10_000)]
    postprocess: PostprocessParams
    dense_crf: DenseCrfParams


class BootstrapParams(Section):
    """Settings of a bootstrap."""

    unit: Literal["group", "image", "block"]
    num_resamples: Annotated[Whole, Field(ge=100, le=100_000)]
    seed: Seed
    confidence: Annotated[float, Field(gt=0.5, le=0.9999)]
    min_units: Annotated[Whole, Field(ge=2, le=100_000)]


class EvaluateParams(Section):
    """Measurements besides the confusion matrix, and how many images are shown."""

    num_worst_overlays: Count
    num_random_overlays: Count
    num_suspects: Count
    seed: Seed
    boundary_width: Annotated[float, Field(gt=0, le=0.5)]
    boundary_tolerance_px: Annotated[Whole, Field(ge=0, le=64)]
    suspect_confidence: Annotated[float, Field(gt=0, le=1)]
    suspect_min_area_px: Annotated[AreaPx, Field(ge=1)]
    bootstrap: BootstrapParams


class GateParams(Section):
    """Thresholds that the scores on the test split must keep, by the score's name; {} switches a table off."""

    floors: dict[str, Share]
    floors_low: dict[str, Share]
    ceilings: dict[str, Share]


class PromoteParams(BootstrapParams):
    """Rule and limits of promotion, and the settings of its bootstrap."""

    rule: str
    margin: Share
    class_margin: Share
    rare_class_margin: Share
    group_margin: Share
    anchor: Literal["best", "none"] | Annotated[Whole, Field(ge=1, lt=2**31)]
    noise_floor: Literal["note", "require"]
    attempts: Annotated[Whole, Field(ge=1, le=1000)]
    unknown_exposure: Literal["refuse", "note"]
    class_costs: dict[str, Annotated[float, Field(gt=0, le=1e6)]]

    def bootstrap(self) -> dict[str, Any]:
        """Arguments of the bootstrap of a comparison; each of the attempts has an equal share of the level."""
        settings = self.model_dump(include=set(BootstrapParams.model_fields))
        return settings | {"confidence": 1 - (1 - self.confidence) / self.attempts}

    def comparison(self) -> dict[str, Any]:
        """Arguments of a comparison: the bootstrap and the costs of the classes."""
        return self.bootstrap() | {"class_costs": self.class_costs}

    def limits(self, floor: float | None) -> Limits:
        """Limits of the rule; `floor` is the measured noise floor of mean IoU, if there is one."""
        margins = (self.margin, self.class_margin, self.rare_class_margin, self.group_margin)
        return Limits(*margins, floor, self.noise_floor)

    @field_validator("rule")
    @classmethod
    def _rule_is_known(cls, rule: str) -> str:
        if rule not in RULES:
            raise ValueError(f"names {not_one_of(rule, RULES)}")
        return rule

    @model_validator(mode="after")
    def _ends_rest_on_resamples(self) -> "PromoteParams":
        if (least := round(MIN_BEYOND * self.attempts / (1 - self.confidence))) > self.num_resamples:
            many = f" and attempts {self.attempts}" if self.attempts > 1 else ""
            raise ValueError(
                f"confidence is {self.confidence:g}{many}, num_resamples {self.num_resamples}: too few lie beyond an "
                f"end; expected at least {least} resamples"
            )
        return self


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
    return parse_params(read_yaml(path, ParamsError, RESTORE), path)


def parse_params(content: Any, path: Path = PARAMS) -> Params:
    """Checks the content of a params file; `path` is named in the message.

    Raises:
        ParamsError: names every value that is wrong, not only the first.
    """
    if not isinstance(content, dict):
        raise ParamsError(f"{path}: found {type(content).__name__}, expected sections such as `train:`")
    try:
        return Params.model_validate(_lists_to_tuples(content))
    except ValidationError as err:
        lines = [explain(error, Params) for error in err.errors()]
        raise ParamsError(f"{path}: " + f"\n{path}: ".join(lines)) from err


def _lists_to_tuples(content: Any) -> Any:
    """YAML has lists only, frozen params hold tuples."""
    if isinstance(content, dict):
        return {name: _lists_to_tuples(value) for name, value in content.items()}
    if isinstance(content, list):
        return tuple(_lists_to_tuples(value) for value in content)
    return content
