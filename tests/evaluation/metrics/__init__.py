"""Tests of pipeline/evaluation/metrics/."""
