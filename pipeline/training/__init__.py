"""A training's parts: batches, augmentation, loss, step, checkpoints, devices and precision.

May import networks, evaluation, serving, dataset, vision, runtime. Open `trainer.py` first.
"""
