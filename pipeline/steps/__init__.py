"""Verbs of segline: one program per step. A step never imports another step."""

from pipeline.environment import QUIET, set_defaults

set_defaults(QUIET)
