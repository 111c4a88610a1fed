"""Images/s of training steps: ours, and those of the same network, loss and optimiser in PyTorch, in turn.

Each side runs in a process of its own, which waits while another one computes. Our step is that of the stage `train`,
augmentation included; PyTorch's gets batches that are cropped already. bfloat16 where the processor has it, else
float32. PyTorch is needed by this benchmark only; install it beside the product's packages:

    pip install --target TORCH torch && PYTHONPATH=.:TORCH python -m tests.benchmarks.train_speed

Last line: one JSON object; `images_per_s` is ours, the ratios say how many times as fast we are.
"""

import argparse
import json
import multiprocessing
import statistics
import time
from collections.abc import Callable
from contextlib import ExitStack
from multiprocessing.connection import Connection
from typing import Any

import numpy as np

from pipeline.training.machine import has_bfloat16, sums_faster_by_products

NUM_LEVELS, WIDTH, NUM_CLASSES, BATCH_SIZE, IGNORE_ID = 4, 32, 11, 8, 255
CROP, SIZE = (256, 256), (320, 320)
NUM_THREADS, NUM_WARM, NUM_STEPS = 2, 2, 3
PAUSE_S = 1.0
"""Before each turn, so that the threads of the side before it have stopped spinning."""
RATE, DECAY, CLIP_NORM = 1e-3, 0.01, 1.0
LOSS = {"cross_entropy": 0.5, "soft_dice": 0.5}
Step = Callable[[], object]


def our_step(bfloat16: bool) -> Step:
    """A step as the stage `train` does it, on images that are larger than the crop."""
    from pipeline.backend.devices import set_up_devices

    set_up_devices(NUM_THREADS)
    import keras

    from pipeline.dataset.packed import Packed
    from pipeline.networks.blocks.layers import sum_by_products
    from pipeline.networks.unet import build_unet
    from pipeline.training.batches import EpochBatches
    from pipeline.training.trainer import Trainer, build_optimizer
    from tests.benchmarks.step_time import RANGES

    keras.mixed_precision.set_global_policy("mixed_bfloat16" if bfloat16 else "float32")
    keras.utils.set_random_seed(0)
    moments: dict[str, Any] = {"channel_mean": (127,) * 3, "channel_std": (74,) * 3}
    network = build_unet(num_classes=NUM_CLASSES, num_levels=NUM_LEVELS, width=WIDTH, dropout=0.0, **moments)
    if sums_faster_by_products():
        sum_by_products(network)
    trainer = Trainer(network, np.ones(NUM_CLASSES, np.float32), LOSS, CROP, IGNORE_ID, 0.0, 0.0)
    schedule: dict[str, Any] = {"learning_rate": RATE, "num_steps": 1000, "num_warmup_steps": 0}
    trainer.compile(build_optimizer(**schedule, weight_decay=DECAY, clip_norm=CLIP_NORM), jit_compile=False)
    images, masks = random_images(SIZE)
    batches = EpochBatches(Packed(images, masks), RANGES, CROP, np.ones(NUM_CLASSES), BATCH_SIZE, 0, 0)
    print(f"ours: {sum(np.prod(weight.shape) for weight in network.trainable_weights)} weights", flush=True)
    return lambda: trainer.learn(batches[0])


def torch_unet() -> Any:
    """The network of `build_unet` as PyTorch's module."""
    import torch  # type: ignore[import-not-found, unused-ignore]
    from torch import nn  # type: ignore[import-not-found, unused-ignore]
    from torch.nn import functional  # type: ignore[import-not-found, unused-ignore]

    def double(before: int, after: int) -> Any:
        pairs = ((before, after), (after, after))
        return nn.Sequential(
            *(
                layer
                for one, two in pairs
                for layer in (nn.Conv2d(one, two, 3, padding=1, bias=False), nn.BatchNorm2d(two), nn.ReLU(inplace=True))
            )
        )

    class UNet(nn.Module):  # type: ignore[misc, unused-ignore]
        def __init__(self) -> None:
            super().__init__()
            channels = [WIDTH << level for level in range(NUM_LEVELS + 1)]
            self.down = nn.ModuleList(double(*pair) for pair in zip([3, *channels], channels, strict=False))
            wide = list(zip(channels[:0:-1], channels[-2::-1], strict=True))
            self.grow = nn.ModuleList(nn.ConvTranspose2d(*pair, 2, stride=2, bias=False) for pair in wide)
            self.up = nn.ModuleList(double(*pair) for pair in wide)
            self.classify = nn.Conv2d(WIDTH, NUM_CLASSES, 1)

        def forward(self, x: Any) -> Any:
            skips = []
            for level, down in enumerate(self.down):
                x = down(functional.max_pool2d(x, 2) if level else x)
                skips.append(x)
            for grow, up, skip in zip(self.grow, self.up, reversed(skips[:-1]), strict=True):
                x = up(torch.cat([skip, grow(x)], 1))
            return self.classify(x)

    return UNet()


def torch_step(bfloat16: bool, compiled: bool) -> Step:
    """The same in PyTorch, channels last."""
    import torch  # type: ignore[import-not-found, unused-ignore]
    from torch.nn import functional  # type: ignore[import-not-found, unused-ignore]

    torch.set_num_threads(NUM_THREADS)
    torch.manual_seed(0)

    images, masks = random_images(CROP)
    pictures = (torch.tensor(images, dtype=torch.float32).permute(0, 3, 1, 2) - 127) / 74
    pictures, targets = pictures.contiguous(memory_format=torch.channels_last), torch.tensor(masks.astype(np.int64))
    network = torch_unet().to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(network.parameters(), RATE, weight_decay=DECAY)

    def loss_of(pictures: Any, targets: Any) -> Any:
        with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
            logits = network(pictures)
        logits = logits.float()
        truth = functional.one_hot(targets, NUM_CLASSES).permute(0, 3, 1, 2).float()
        probs, axes = logits.softmax(1), (0, 2, 3)
        dice = (2 * (probs * truth).sum(axes) + 1) / (probs.sum(axes) + truth.sum(axes) + 1)
        return 0.5 * functional.cross_entropy(logits, targets) + 0.5 * (1 - dice).mean()

    loss_of_batch = torch.compile(loss_of) if compiled else loss_of

    def step() -> float:
        optimizer.zero_grad()
        loss = loss_of_batch(pictures, targets)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), CLIP_NORM)
        optimizer.step()
        return float(loss.detach())

    print(f"PyTorch {torch.__version__}: {sum(weight.numel() for weight in network.parameters())} weights", flush=True)
    return step


def random_images(size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Images (B, *size, 3) and masks (B, *size), uint8."""
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (BATCH_SIZE, *size, 3), np.uint8)
    return images, random.integers(0, NUM_CLASSES, (BATCH_SIZE, *size), np.uint8)


def work(make: Callable[..., Step], arguments: tuple[bool, ...], asked: Connection) -> None:
    """The program of one side: at each request some steps; sends the median of their seconds."""
    step = make(*arguments)
    for _ in range(NUM_WARM):
        step()
    asked.send(None)
    while asked.recv():
        seconds = []
        for _ in range(NUM_STEPS):
            started = time.perf_counter()
            step()
            seconds.append(time.perf_counter() - started)
        asked.send(statistics.median(seconds))


def main() -> None:
    """Lets the sides take turns and prints their medians."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    num_rounds = parser.parse_args().rounds
    sides: dict[str, tuple[Callable[..., Step], tuple[bool, ...]]] = {
        "ours": (our_step, (has_bfloat16(),)),
        "torch_eager": (torch_step, (has_bfloat16(), False)),
        "torch_compiled": (torch_step, (has_bfloat16(), True)),
    }
    spawn = multiprocessing.get_context("spawn")
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    with ExitStack() as ends:
        asks: dict[str, Connection] = {}
        for name, (make, arguments) in sides.items():
            asks[name], theirs = spawn.Pipe()
            process = spawn.Process(target=work, args=(make, arguments, theirs), daemon=True)
            process.start()
            theirs.close()
            ends.callback(process.terminate)
            asks[name].recv()
        for number in range(num_rounds):
            for name, ask in asks.items():
                time.sleep(PAUSE_S)
                ask.send(True)
                seconds[name].append(ask.recv())
                print(f"round {number + 1}: {name} {seconds[name][-1]:.3f} s a step", flush=True)
    speed = {name: BATCH_SIZE / statistics.median(values) for name, values in seconds.items()}
    result = {
        "images_per_s": round(speed["ours"], 3),
        "torch_eager": round(speed["torch_eager"], 3),
        "torch_compiled": round(speed["torch_compiled"], 3),
        "ratio_eager": round(speed["ours"] / speed["torch_eager"], 3),
        "ratio_compiled": round(speed["ours"] / speed["torch_compiled"], 3),
        "precision": "bfloat16" if has_bfloat16() else "float32",
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
