"""Tests of pipeline/networks/."""
