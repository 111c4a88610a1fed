"""Tests of pipeline/provenance."""
