"""Tests of pipeline/training/losses/."""
