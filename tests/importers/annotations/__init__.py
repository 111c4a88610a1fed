"""Tests of pipeline/importers/annotations/."""
