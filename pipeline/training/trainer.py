"""The network with its augmentation and loss: one optimiser step on any Keras backend."""

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
from keras import ops

from pipeline.backend.devices import count_copies, share_out
from pipeline.training.augment import transform_images, transform_masks
from pipeline.training.losses import cross_entropy, soft_dice


class Trainer(keras.Model):  # type: ignore[misc]
    """Takes the batches of `EpochBatches`, transforms them on the device and learns from them.

    Args:
        unet: the network to train, from images (N, H, W, 3) to logits (N, H, W, K).
        class_weights: (K,) float32 of the cross-entropy.
        dice_weight: share of the soft Dice loss in the whole loss; the rest is cross-entropy.
        crop: (height, width) that the network sees.
        ignore_id: mask id that is not counted.
    """

    def __init__(
        self,
        unet: keras.Model,
        class_weights: np.ndarray,
        dice_weight: float,
        crop: tuple[int, int],
        ignore_id: int,
    ) -> None:
        super().__init__(dtype="float32")
        self.unet = unet
        self.class_weights, self.dice_weight = class_weights, dice_weight
        self.crop, self.ignore_id = crop, ignore_id
        self.built = True

    def learn(self, batch: Mapping[str, Any]) -> float:
        """One step on a batch of `EpochBatches`; each of several devices takes its part of it.

        Not Keras's `fit`: on TensorFlow that feeds the batches through a `tf.data` pipeline, which takes the threads
        of the step's own operations (benchmark `step_time`).

        Returns:
            The batch's loss, as it was before the step.
        """
        return float(self.train_on_batch(share_out(self, batch), return_dict=True)["loss"])

    def call(self, batch: dict[str, Any], training: bool = False) -> tuple[Any, Any]:
        """Logits (B, *crop, K) float32 and the transformed masks (B, *crop) int32 that belong to them."""
        masks = ops.cast(batch["masks"], "int32")
        images = transform_images(ops.cast(batch["images"], "float32"), batch["matrices"], batch["colours"], self.crop)
        targets = transform_masks(masks, batch["matrices"], self.crop, self.ignore_id)
        return self.unet(images, training=training), targets

    def compute_loss(self, x: Any, y: Any, y_pred: Any, *_: Any, **__: Any) -> Any:
        """This copy's part in the loss of `loss_of` for what `call` returned; Keras sums the copies' gradients."""
        logits, targets = y_pred
        return self.loss_of(targets, logits) / count_copies(self)

    def loss_of(self, targets: Any, logits: Any) -> Any:
        """(1 - dice_weight) * cross-entropy + dice_weight * soft Dice, a float32 scalar."""
        weights = ops.convert_to_tensor(self.class_weights)
        entropy = cross_entropy(targets, logits, weights, self.ignore_id)
        if not self.dice_weight:
            return entropy
        return (1 - self.dice_weight) * entropy + self.dice_weight * soft_dice(targets, logits, self.ignore_id)


def build_optimizer(
    *, learning_rate: float, weight_decay: float, clip_norm: float, num_steps: int, num_warmup_steps: int
) -> keras.optimizers.Optimizer:
    """AdamW (Loshchilov and Hutter, 2019) with a linear warm-up and a cosine decay to 0.

    Args:
        learning_rate: peak, reached after the warm-up.
        weight_decay: of the kernels; scales, shifts and biases do not decay.
        clip_norm: largest L2 norm of the whole gradient.
        num_steps: of the whole training.
        num_warmup_steps: of these, spent rising from 0.
    """
    schedule = keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=0.0 if num_warmup_steps else learning_rate,
        decay_steps=max(1, num_steps - num_warmup_steps),
        warmup_target=learning_rate if num_warmup_steps else None,
        warmup_steps=num_warmup_steps,
    )
    optimizer = keras.optimizers.AdamW(schedule, weight_decay=weight_decay, global_clipnorm=clip_norm)
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    return optimizer
