"""Use of a model. Each function imports what it needs when it is called."""

from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.runtime.environment import QUIET, prepare_tensorflow, set_defaults
from segline.project import in_project

if TYPE_CHECKING:
    from pipeline.steps.predict import PredictSummary
    from pipeline.steps.suggest import Suggestions
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


@in_project
def suggest(
    num: int, images: str | Path, out: str | Path, *, model: str = "champion", group: str = ""
) -> "Suggestions":
    """Chooses the images that are worth labelling next, and writes them with a pre-label for Label Studio and CVAT.

    Chosen are the images about which the model is most uncertain, spread over groups and over what they look like.
    Left out are images that are in data/ already, or nearly, and groups of the test split: a pre-label would bias it.

    Example of the command: segline suggest 20 unlabelled to_label --group '^([^_]+)_'

    Args:
        num: images to choose.
        images: folder of images without labels; the folders below are searched too.
        out: new folder: suggestions.csv, images/, masks/, label_studio.json with label_config.xml, cvat.xml with
            labels.json, and classes.yaml for the import of what was labelled.
        model: ALIAS, VERSION, NAME@ALIAS, NAME/VERSION or a SavedModel's folder.
        group: regular expression; its first bracket is the group in the image's path, as in the import of data/.

    Returns:
        The suggestions in order of rank, how many images were left out and why, and which could not be read.

    Raises:
        ParamsError: fewer than 1 image, or params.yaml is wrong.
        DataError: there is no image left, `out` exists, `group` does not fit, or data/ breaks the data contract.
        RegistryError: there is no such version, or it is not what was registered.
        EvidenceError: the model's folder is not one that the stage `export` wrote.
    """
    from pipeline.steps import suggest as step

    return step.suggest(num, Path(images), Path(out), model, group)
