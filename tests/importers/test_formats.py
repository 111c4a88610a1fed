"""Tests of the table of importers."""

import inspect

from pipeline.importers.formats import IMPORTERS


def test_each_importer_describes_its_words_and_options() -> None:
    """The help of the command is made of the docstring."""
    for name, importer in IMPORTERS.items():
        text = inspect.getdoc(importer) or ""
        assert f"Example of the command: segline import {name}" in text
        assert all(f"    {argument}: " in text for argument in inspect.signature(importer).parameters)
