"""Tests of trainings with changed params."""
