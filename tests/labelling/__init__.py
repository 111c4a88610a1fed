"""Tests of pipeline/labelling/."""
