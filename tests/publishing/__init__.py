"""Tests of pipeline/publishing/."""
