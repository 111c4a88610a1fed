"""Tests of pipeline/vision/."""
