"""The parts of a training: batches, augmentation, loss, step, checkpoints, precision, validation.

May import networks, backend, dataset and the rooms below it. Open `trainer.py` first.
"""
