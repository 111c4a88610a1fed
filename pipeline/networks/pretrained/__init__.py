"""Networks whose way down is a published network, which may start from published weights.

May import what a network may, and its blocks. Open `encoders.py` first.
"""
