"""Tests of pipeline/monitoring/."""
