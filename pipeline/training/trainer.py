"""A network with its augmentation and loss: optimiser steps, and scores between epochs, on any Keras backend."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import keras
import numpy as np
from keras import ops

from pipeline.backend.devices import count_copies, share_out
from pipeline.dataset.packed import Packed
from pipeline.training.augment import paste_classes, transform_images, transform_masks
from pipeline.training.auxiliary import added_variables, build_auxiliary, coarse_targets
from pipeline.training.averaging import average_of, follow
from pipeline.training.losses.table import weighted_sum
from pipeline.vision.confusion import confusion, iou_per_class, mean_iou, pixel_accuracy


class ValScores(NamedTuple):
    """Scores at the working size, over the pooled pixels, nan without any; the loss is the mean over the images.

    Attributes:
        iou: (K,) by class, nan for a class without a label.
        preds: (H, W) uint8 ids of the images that were asked for, in their order.
    """

    loss: float
    mean_iou: float
    pixel_accuracy: float
    iou: np.ndarray
    preds: Sequence[np.ndarray]


class Trainer(keras.Model):  # type: ignore[misc]
    """Takes the batches of `EpochBatches`, transforms them on the device and learns from them.

    Args:
        network: from images (N, H, W, 3) to logits (N, H, W, K).
        class_weights: (K,) float32, for the losses that use them.
        loss: weight of each loss by its name in `LOSSES`.
        crop: (height, width) of the network's input.
        ignore_id: mask id that is not counted.
        label_smoothing: of the cross-entropy, as there.
        ema_decay: decay of the average of the weights, as `averaging.follow` has it; 0: no average.
        auxiliary_weight: of the mean loss of `coarse_layers`; 0: none.
        coarse_layers: layers of the network that get logits of their own, as `build_auxiliary` has them.
    """

    def __init__(
        self,
        network: keras.Model,
        class_weights: np.ndarray,
        loss: Mapping[str, float],
        crop: tuple[int, int],
        ignore_id: int,
        label_smoothing: float,
        ema_decay: float,
        auxiliary_weight: float = 0.0,
        coarse_layers: Sequence[str] = (),
    ) -> None:
        super().__init__(dtype="float32")
        self.network = network
        self.class_weights, self.weight_by_loss = class_weights, loss
        self.crop, self.ignore_id = crop, ignore_id
        self.label_smoothing, self.ema_decay = label_smoothing, ema_decay
        self.average = average_of(network) if ema_decay else None
        self.auxiliary_weight = auxiliary_weight
        self.auxiliary = build_auxiliary(network, coarse_layers, len(class_weights)) if auxiliary_weight else None
        self.built = True

    @property
    def scored(self) -> keras.Model:
        """The network whose scores and weights count: the average, if there is one."""
        return self.average or self.network

    @property
    def side_variables(self) -> list[Any]:
        """Those beside the network's and the optimiser's: of the average and of the auxiliary logits."""
        average = self.average.variables if self.average else []
        return average + (added_variables(self.auxiliary, self.network) if self.auxiliary else [])

    def cut(self, crop: tuple[int, int]) -> None:
        """Takes crops of this size from the next step on, which is compiled anew if it is another one.

        TensorFlow's compiled step would come to take any size, whose bits are not those of a step of one size.
        """
        if crop != self.crop:
            self.crop, self.train_function = crop, None

    def learn(self, batch: Mapping[str, Any]) -> float:
        """One step on a batch of `EpochBatches`, shared among the devices; returns the loss before the step.

        Not Keras's `fit`: on TensorFlow that feeds the batches through a `tf.data` pipeline, which takes the threads
        of the step's own operations (benchmark `step_time`).
        """
        return float(self.train_on_batch(share_out(self, batch), return_dict=True)["loss"])

    def train_step(self, *arguments: Any) -> Any:
        """Keras's step, then the average's; JAX hands the values of all variables in and out."""
        result = super().train_step(*arguments)
        if not self.average:
            return result
        if keras.backend.backend() != "jax":
            follow(self.average, self.network, self.ema_decay, self.optimizer.iterations)
            return result
        logs, (learnt, others, of_optimizer, metrics) = result
        variables = [*self.trainable_variables, *self.non_trainable_variables, *self.optimizer.variables]
        values = [*learnt, *others, *of_optimizer]
        with keras.StatelessScope(list(zip(variables, values, strict=True))) as scope:
            follow(self.average, self.network, self.ema_decay, self.optimizer.iterations)
        others = [scope.get_current_value(variable) for variable in self.non_trainable_variables]
        return logs, (learnt, others, of_optimizer, metrics)

    def call(self, batch: dict[str, Any], training: bool = False) -> tuple[Any, ...]:
        """Logits (B, *crop, K) float32, the transformed masks (B, *crop) int32 that belong to them, auxiliary ones."""
        images, targets = self._transform(batch, "")
        if "pasted" in batch:
            images, targets = paste_classes(images, targets, *self._transform(batch, "other_"), batch["pasted"])
        if not self.auxiliary:
            return self.network(images, training=training), targets
        logits, *coarse = self.auxiliary(images, training=training)
        return logits, targets, *coarse

    def _transform(self, batch: dict[str, Any], prefix: str) -> tuple[Any, Any]:
        images, masks, matrices, colours = (batch[prefix + name] for name in ("images", "masks", "matrices", "colours"))
        images = transform_images(ops.cast(images, "float32"), matrices, colours, self.crop)
        return images, transform_masks(ops.cast(masks, "int32"), matrices, self.crop, self.ignore_id)

    def compute_loss(self, x: Any, y: Any, y_pred: Any, *_: Any, **__: Any) -> Any:
        """This copy's part of the loss for the result of `call`; Keras sums the copies' gradients."""
        logits, targets, *coarse = y_pred
        loss = self.loss_of(targets, logits)
        for some in coarse:
            seen = coarse_targets(targets, some.shape[1:3], self.ignore_id)
            loss += self.auxiliary_weight / len(coarse) * self.loss_of(seen, some)
        return loss / count_copies(self)

    def loss_of(self, targets: Any, logits: Any) -> Any:
        """Weighted sum of the losses, a float32 scalar."""
        class_weights = ops.convert_to_tensor(self.class_weights)
        return weighted_sum(self.weight_by_loss, targets, logits, class_weights, self.ignore_id, self.label_smoothing)

    def score(self, packed: Packed, batch_size: int, kept: Sequence[int] = ()) -> ValScores:
        """Scores `scored` on a whole split, without augmentation, `batch_size` images at a time.

        `kept` are the images whose predictions are given, by place in the split.
        """
        num_classes = len(self.class_weights)
        matrix = np.zeros((num_classes, num_classes), np.int64)
        total = 0.0
        preds: dict[int, np.ndarray] = {}
        for start in range(0, len(packed), batch_size):
            images = np.asarray(packed.images[start : start + batch_size], np.float32)
            masks = np.asarray(packed.masks[start : start + batch_size])
            logits: Any = self.scored.predict_on_batch(images)
            total += len(images) * float(ops.convert_to_numpy(self.loss_of(masks.astype(np.int32), logits)))
            pred = np.argmax(logits, axis=-1).astype(np.uint8)
            matrix += confusion(masks, pred, num_classes, self.ignore_id)
            preds |= {place: pred[place - start] for place in kept if start <= place < start + len(pred)}
        iou = np.where(matrix.sum(axis=1) > 0, iou_per_class(matrix), np.nan)
        shown = [preds[place] for place in kept]
        return ValScores(total / len(packed), mean_iou(matrix), pixel_accuracy(matrix), iou, shown)


class AdamW(keras.optimizers.AdamW):  # type: ignore[misc]
    """Keras's AdamW; on one TensorFlow device a variable's step is one operation in place of nineteen."""

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Changes a variable and its moving averages."""
        if keras.backend.backend() == "tensorflow":
            from pipeline.backend.tf import adam_step, is_replicated

            if not is_replicated():
                place = self._get_variable_index(variable)
                step = ops.cast(self.iterations + 1, "float32")
                rates = {
                    **{"lr": learning_rate, "beta1": self.beta_1, "beta2": self.beta_2, "epsilon": self.epsilon},
                    **{"beta1_power": self.beta_1**step, "beta2_power": self.beta_2**step},
                }
                averages = (self._momentums[place].value, self._velocities[place].value)
                adam_step(variable, *averages, gradient, rates)
                return
        super().update_step(gradient, variable, learning_rate)


def build_optimizer(
    *, learning_rate: float, weight_decay: float, clip_norm: float, num_steps: int, num_warmup_steps: int
) -> keras.optimizers.Optimizer:
    """AdamW (Loshchilov and Hutter, 2019) with a linear warm-up and a cosine decay to 0.

    Args:
        learning_rate: peak, reached after the warm-up.
        weight_decay: decay of the kernels; scales, shifts and biases do not decay.
        clip_norm: largest L2 norm of the whole gradient.
        num_steps: steps of the whole training.
        num_warmup_steps: the first steps, in which the rate rises from 0.
    """
    schedule = keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=0.0 if num_warmup_steps else learning_rate,
        decay_steps=max(1, num_steps - num_warmup_steps),
        warmup_target=learning_rate if num_warmup_steps else None,
        warmup_steps=num_warmup_steps,
    )
    optimizer = AdamW(schedule, weight_decay=weight_decay, global_clipnorm=clip_norm)
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    return optimizer
