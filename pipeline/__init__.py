"""Nouns of segline: everything that a step needs, and nothing that reads settings."""
