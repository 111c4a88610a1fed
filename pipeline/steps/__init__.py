"""Verbs of segline: one program per step. A step never imports another step."""

from pipeline.runtime.environment import QUIET, quiet_tensorflow, set_defaults

set_defaults(QUIET)
quiet_tensorflow()
