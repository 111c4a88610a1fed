"""Tests of pipeline/backend/."""
