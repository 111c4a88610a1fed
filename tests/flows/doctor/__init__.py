"""Tests of flows/doctor/."""
