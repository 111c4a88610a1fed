"""Faults of a team's set-up, each injected into a scheduled run of a small project, and what may be lost by them."""
