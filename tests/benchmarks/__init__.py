"""Benchmarks, each a program of its own, in the environment of the stages."""

from pipeline.runtime.environment import prepare_tensorflow

prepare_tensorflow()
