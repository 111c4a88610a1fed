"""Verbs of segline: one program per step. A step never imports another step."""
