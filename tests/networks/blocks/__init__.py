"""Tests of pipeline/networks/blocks."""
