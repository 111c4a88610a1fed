"""Hostile and odd inputs, a module for each family; `CASES` in each is its list."""
