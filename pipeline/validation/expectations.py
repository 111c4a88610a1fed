"""The one door to Great Expectations: judges tables of facts row by row, and shows the results as Data Docs."""

import logging
import os
import re
import warnings
from collections.abc import Sequence
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from types import ModuleType
from typing import Any

from pipeline.disk.files import written_whole
from pipeline.errors import StageError
from pipeline.validation.checks import Check
from pipeline.validation.data_docs import make_self_contained
from pipeline.validation.findings import ERROR, Finding

RUN_NAME, RUN_TIME = "no-clock", datetime(1970, 1, 1, tzinfo=UTC)
"""Equal data gives Data Docs of equal bytes, so they cannot tell when they were made."""
SITE = "docs"
"""Its own site Great Expectations would build in a temporary folder, and leave there."""
UNIQUE_ID = re.compile(r"(?<=-body-)[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
LOAD_TIME = re.compile(r"(>ge_load_time</span>.{0,400}?>)\d{8}T\d{6}\.\d{6}Z(?=<)", re.DOTALL)


class Judge:
    """Judges tables, one after the other; keeps nothing on the disk until the Data Docs are written."""

    def __init__(self) -> None:
        self._gx = _great_expectations()
        self._context = self._gx.get_context(mode="ephemeral")
        self._context.variables.progress_bars = {"globally": False}
        self._tables = self._context.data_sources.add_pandas("data")
        self._passed: dict[str, bool] = {}

    def judge(self, suite: str, rows: Sequence[dict[str, Any]], key: str, checks: Sequence[Check]) -> list[Finding]:
        """Runs the checks as an expectation suite.

        Args:
            suite: its name, not used before.
            rows: of the table, all with the same columns.
            key: column that tells the rows apart.
            checks: what is expected of every row.

        Returns:
            A finding for each row that fails, in order of the checks and the rows.
        """
        if not rows:
            return []
        import pandas as pd

        table = pd.DataFrame([_escaped(row) for row in rows], dtype=object)
        results = {result.expectation_config.meta["check"]: result for result in self._run(suite, table, key, checks)}
        places = {name: place for place, name in enumerate(table[key])}
        findings = []
        for check in checks:
            result = results[check.name].result
            assert "unexpected_index_list" in result, f"{check.name}: {results[check.name].exception_info}"
            for failed in result["unexpected_index_list"]:
                findings.append(check.finding(rows[places[failed[key]]]))
        return findings

    def write_docs(self, folder: Path) -> None:
        """Writes the results of every table as HTML, whole or not at all: open `index.html`.

        The pages load nothing and run nothing, and show texts of the tables as they are.

        Raises:
            StageError: a page could not be written.
        """
        with written_whole(folder) as site:
            self._context.add_data_docs_site(SITE, _site_config(site.absolute()))
            self._context.build_data_docs(site_names=[SITE])
            pages = {page.stem for page in site.rglob("*.html")}
            if missing := [suite for suite in self._passed if not {suite, f"data-{suite}"} <= pages]:
                raise StageError(  # Great Expectations only logs the reason, and goes on
                    f"{folder}: the pages on {', '.join(missing)} could not be written, most likely because the disk "
                    "is full; free some space on it and run the same command again"
                )
            make_self_contained(site, self._passed)
            _make_reproducible(site)

    def _run(self, suite: str, table: Any, key: str, checks: Sequence[Check]) -> Any:
        gx, context = self._gx, self._context
        expectations = [_expectation(gx.expectations, check) for check in checks]
        batch = self._tables.add_dataframe_asset(suite).add_batch_definition_whole_dataframe("all")
        definition = context.validation_definitions.add(
            gx.ValidationDefinition(
                name=suite,
                data=batch,
                suite=context.suites.add(gx.ExpectationSuite(name=suite, expectations=expectations)),
            )
        )
        outcome = definition.run(
            batch_parameters={"dataframe": table},
            result_format={"result_format": "COMPLETE", "unexpected_index_column_names": [key]},
            run_id=gx.RunIdentifier(run_name=RUN_NAME, run_time=RUN_TIME),
        )
        self._passed[suite] = bool(outcome.success)
        return outcome.results


def _escaped(row: dict[str, Any]) -> dict[str, Any]:
    """A row whose texts are shown as they are: they come from outside and go into HTML."""
    return {column: escape(value) if isinstance(value, str) else value for column, value in row.items()}


def _expectation(gxe: Any, check: Check) -> Any:
    told = {
        "meta": {"check": check.name},
        "description": f"{check.name} ({check.severity}): {check.expected()}",
        "severity": "critical" if check.severity == ERROR else "warning",
    }
    if check.allowed:
        return gxe.ExpectColumnValuesToBeInSet(column=check.column, value_set=list(check.allowed), **told)
    return gxe.ExpectColumnValuesToBeBetween(column=check.column, min_value=check.least, max_value=check.most, **told)


def _great_expectations() -> ModuleType:
    """Imports it here, because it takes seconds; it sends no statistics, logs no traceback, warns of no old ways."""
    logging.getLogger("great_expectations").setLevel(logging.CRITICAL)
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        import great_expectations as gx
        import great_expectations.expectations
    module: ModuleType = gx
    return module


def _site_config(folder: Path) -> dict[str, Any]:
    return {
        "class_name": "SiteBuilder",
        "store_backend": {"class_name": "TupleFilesystemStoreBackend", "base_directory": str(folder)},
        "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"},
        "show_how_to_buttons": False,
    }


def _make_reproducible(site: Path) -> None:
    """Takes out of the pages what differs between equal runs."""
    for page in sorted(site.rglob("*.html")):
        text = LOAD_TIME.sub(rf"\g<1>{RUN_TIME:%Y-%m-%d}", page.read_text())
        page.write_text(_numbered(UNIQUE_ID, text))


def _numbered(pattern: re.Pattern[str], text: str) -> str:
    """Puts a number in the place of each match, the same for the same text."""
    numbers: dict[str, int] = {}
    return pattern.sub(lambda match: str(numbers.setdefault(match.group(), len(numbers) + 1)), text)
