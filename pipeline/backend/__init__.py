"""Devices, threads, fused operations and TensorBoard. The door to TensorFlow for training.

May import no other room. Open `devices.py` first.
"""
