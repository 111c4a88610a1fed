"""Tests of pipeline/networks/pretrained."""
