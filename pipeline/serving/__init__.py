"""The SavedModel: its graph, card, parity with the network, prediction. The door to TensorFlow for serving.

May import dataset, vision, runtime, disk. Open `saved_model.py` first.
"""
