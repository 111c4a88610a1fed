"""Tests of flows/team/."""
