"""The parts of a training: batches, augmentation, losses, steps and scores, epochs, checkpoints, precision, machine.

May import networks, backend, dataset and the rooms below it. Open `fit.py` first.
"""
