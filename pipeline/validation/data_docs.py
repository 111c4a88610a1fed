"""The one door to Great Expectations: suites and validation results as Data Docs that load nothing and run nothing."""

import os
import warnings
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from types import ModuleType
from typing import Any

from pipeline.disk.files import written_whole
from pipeline.text import printable
from pipeline.validation.checks import Check, Table
from pipeline.validation.findings import ERROR

TEMPLATE = "data_docs.html"
"""The page around Great Expectations' content; its own page loads scripts and styles from the internet."""
RUN_NAME, RUN_TIME = "no-clock", datetime(1970, 1, 1, tzinfo=UTC)
"""Equal data gives Data Docs of equal bytes, so they hold no time."""
VALIDATION = f"validations/{{0}}/{RUN_NAME}/{RUN_TIME:%Y%m%dT%H%M%S.%fZ}/data-{{0}}.html"
"""As deep as Great Expectations puts a validation result: its link to the suite is relative."""
MAX_VALUES = 20
"""Distinct unexpected values that a page shows for each check."""


def write_docs(folder: Path, tables: Sequence[Table]) -> None:
    """Writes the suite and the validation result of each table as HTML, whole or not at all: open `index.html`.

    The pages load nothing and run nothing, and show texts of the tables as they are.

    Raises:
        StageError: the disk is full.
    """
    gx = _great_expectations()
    view = gx.render.view.view.DefaultJinjaPageView(custom_views_directory=str(Path(__file__).parent))
    view.env.filters["generate_html_element_uuid"] = str  # the texts before it differ already
    renderers = gx.render.renderer.page_renderer
    pages, passed = {}, {}
    for table in tables:
        suite = gx.ExpectationSuite(table.name, [_expectation(gx.expectations, check) for check in table.checks])
        result = _validation_result(gx, table, suite)
        passed[table.name] = result.success
        pages[f"expectations/{table.name}.html"] = renderers.ExpectationSuitePageRenderer().render(suite)
        pages[VALIDATION.format(table.name)] = renderers.ValidationResultsPageRenderer().render(result)
    with written_whole(folder) as site:
        site.mkdir()
        index = view.env.get_template(TEMPLATE).render(page_title="Data Docs", passed=passed, pages=sorted(pages))
        (site / "index.html").write_text(index, encoding="utf-8")
        for name, content in pages.items():
            (site / name).parent.mkdir(parents=True, exist_ok=True)
            html = view.render(content, TEMPLATE, home="../" * name.count("/") + "index.html")
            (site / name).write_text(html, encoding="utf-8")


def _expectation(expectations: ModuleType, check: Check) -> Any:
    texts = {
        "description": f"{check.name} ({check.severity}): {check.expected()}",
        "severity": "critical" if check.severity == ERROR else "warning",
    }
    if check.allowed:
        return expectations.ExpectColumnValuesToBeInSet(column=check.column, value_set=list(check.allowed), **texts)
    limits = {"min_value": check.least, "max_value": check.most}
    return expectations.ExpectColumnValuesToBeBetween(column=check.column, **limits, **texts)


def _validation_result(gx: ModuleType, table: Table, suite: Any) -> Any:
    kinds, results = gx.core.expectation_validation_result, []
    for check, expectation in zip(table.checks, suite.expectations, strict=True):
        result = _result(table, check)
        success = not result["unexpected_count"]
        results.append(kinds.ExpectationValidationResult(success, expectation.configuration, result))
    statistics = gx.validator.validation_statistics.calc_validation_statistics(results)
    run_id = gx.RunIdentifier(run_name=RUN_NAME, run_time=RUN_TIME)
    return kinds.ExpectationSuiteValidationResult(
        success=statistics.success,
        results=results,
        suite_name=table.name,
        statistics=statistics._asdict(),
        meta={"great_expectations_version": gx.__version__, "run_id": run_id},
    )


def _result(table: Table, check: Check) -> dict[str, Any]:
    """The rows that fail a check, as Great Expectations records them, with their texts escaped for HTML."""
    columns = (table.key, check.column)
    failed = [{column: escape(printable(str(row[column]))) for column in columns} for row in table.failed(check)]
    num_judged = sum(row[check.column] is not None for row in table.rows)
    counts = Counter(row[check.column] for row in failed).most_common(MAX_VALUES)
    return {
        "element_count": len(table.rows),
        "unexpected_count": len(failed),
        "unexpected_percent": 100 * len(failed) / num_judged if num_judged else None,
        "partial_unexpected_counts": [{"value": value, "count": count} for value, count in counts],
        "unexpected_index_list": failed,
        "unexpected_index_column_names": [table.key],
    }


def _great_expectations() -> ModuleType:
    """Great Expectations, imported here because it takes seconds, without telemetry and deprecation warnings."""
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        import great_expectations as gx
        import great_expectations.expectations
        import great_expectations.render.renderer.page_renderer
        import great_expectations.render.view.view
        import great_expectations.validator.validation_statistics
    module: ModuleType = gx
    return module
