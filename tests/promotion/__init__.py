"""Tests of pipeline/promotion/."""
