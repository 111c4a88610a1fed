"""Use of a model. Each function imports what it needs when it is called."""

from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.runtime.environment import QUIET, prepare_tensorflow, set_defaults

if TYPE_CHECKING:
    from pipeline.steps.predict import PredictSummary
    from segline.model import Model


def load(model: str | Path) -> "Model":
    """Loads a model, which is called with images and gives their masks.

    A registered version is downloaded once, to `.segline/models/` in the current folder, and compared with its MD5.

    Args:
        model: ALIAS, VERSION, NAME@ALIAS, NAME/VERSION, or a SavedModel's folder.

    Returns:
        A `Model`: `model(images)` gives `mask` (H, W) uint8, `probs` (H, W, K) float32 and `confidence()` of an image
        (H, W, 3) uint8 RGB or of an image file, or of each in a sequence. `model.classes` names the ids.

    Raises:
        RegistryError: there is no such version, or it is not what was registered.
        EvidenceError: the folder is not a SavedModel that the stage `export` wrote.
    """
    set_defaults(QUIET)
    prepare_tensorflow()
    from pipeline.registry.model_cache import resolve_model
    from pipeline.serving.predictor import Predictor
    from segline.model import Model

    return Model(Predictor.read(resolve_model(str(model))))


def predict(model: str | Path, images: str | Path, out: str | Path) -> "PredictSummary":
    """Writes masks and overlays for images.

    Example of the command: segline predict segline@champion photos masks

    Args:
        model: ALIAS, VERSION, NAME@ALIAS, NAME/VERSION or a SavedModel's folder.
        images: an image or a folder of images.
        out: folder to write to: masks/NAME.png (uint8 class ids), overlays/NAME.jpg, legend.svg, prediction.json.

    Returns:
        How many images have a mask now, and which could not be read, each with the reason. Links out of the folder and
        too large images are among the latter.

    Raises:
        DataError: there is no image, or writing would replace one, or a file that prediction did not write.
        EvidenceError: the model's folder is not one that the stage `export` wrote.
        RegistryError: there is no such version, or it is not what was registered.
    """
    set_defaults(QUIET)
    from pipeline.registry.model_cache import resolve_model
    from pipeline.steps import predict as step

    return step.predict(resolve_model(str(model)), Path(images), Path(out))
