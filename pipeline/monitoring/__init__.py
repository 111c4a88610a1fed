"""A training that can be watched: its journal, TensorBoard, panel of predictions, warnings. Changes no byte of output.

May import backend, dataset, vision, runtime, disk. Open `live_metrics.py` first.
"""
