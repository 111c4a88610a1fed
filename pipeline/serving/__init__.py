"""The SavedModel: its graph, its card, its parity with the network, prediction. The door to TensorFlow.

May import dataset, vision, runtime. Open `predictor.py` first.
"""
