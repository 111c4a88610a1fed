"""Tests of pipeline/object_store/."""
