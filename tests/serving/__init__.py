"""Tests of pipeline/serving/."""
