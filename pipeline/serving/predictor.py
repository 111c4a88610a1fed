"""An exported model in use: the one way from an image to a mask, for evaluation, promotion and users alike."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from pipeline.errors import EvidenceError
from pipeline.serving.cleaning import clean_mask
from pipeline.serving.dense_crf import refine
from pipeline.serving.model_card import ModelCard

if TYPE_CHECKING:
    from pipeline.serving.saved_model import Serve


class Prediction(NamedTuple):
    """The prediction for an image, at the image's own size.

    Attributes:
        mask: (H, W) uint8 class ids, after the CRF and the cleaning that the model's card asks for.
        probs: (H, W, K) float32 probabilities of the classes, before both.
    """

    mask: np.ndarray
    probs: np.ndarray

    def confidence(self) -> np.ndarray:
        """(H, W) float32 probability of the mask's class; if nothing changed the mask, the highest."""
        return np.take_along_axis(self.probs, self.mask[..., np.newaxis], axis=-1)[..., 0]


@dataclass(frozen=True)
class Predictor:
    """A SavedModel: its folder, the card that explains its ids, and its graph."""

    folder: Path
    card: ModelCard
    serve: "Serve"

    @classmethod
    def read(cls, folder: Path) -> "Predictor":
        """Loads an exported model.

        Raises:
            EvidenceError: the folder is not one that the stage `export` wrote.
        """
        card = ModelCard.read(folder)
        from pipeline.serving.saved_model import load_saved_model  # seconds to import

        return cls(folder, card, load_saved_model(folder))

    def predict(self, image: np.ndarray) -> Prediction:
        """Predicts the mask of an image (H, W, 3) uint8 RGB.

        Raises:
            EvidenceError: the model has another number of classes than its card.
        """
        ids, probs = self.serve(image[np.newaxis])
        num_classes = len(self.card.classes)
        if probs.shape != (1, *image.shape[:2], num_classes):
            raise EvidenceError(
                f"{self.folder}: probabilities are {probs.shape[1:]} for an image {image.shape}; expected "
                f"{num_classes} classes as its segline.json says, at the image's size; export the model again"
            )
        mask, crf = ids[0].astype(np.uint8), self.card.postprocess.dense_crf
        if crf:
            mask = refine(image, probs[0], crf).argmax(axis=-1).astype(np.uint8)
        return Prediction(clean_mask(mask, self.card.postprocess), probs[0])
