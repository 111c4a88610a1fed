"""Tests of pipeline/disk/."""
