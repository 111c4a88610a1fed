"""Tests of pipeline/importers/repairs/."""
