"""Tests of pipeline/reproduction."""
