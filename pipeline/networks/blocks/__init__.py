"""Groups of layers that several networks share.

May import what a network's `build` may import, Keras included. Open `resnet.py` first.
"""
