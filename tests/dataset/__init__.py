"""Tests of pipeline/dataset/."""
