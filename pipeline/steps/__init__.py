"""Verbs of segline: one program per step. A step never imports another step."""

from pipeline.runtime.environment import QUIET, prepare_tensorflow, set_defaults

set_defaults(QUIET)
prepare_tensorflow()
