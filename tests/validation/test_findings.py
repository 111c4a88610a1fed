"""Findings, the quarantine list and their words."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from pipeline.disk.records import read_rows
from pipeline.validation.findings import DataFinding, bad_names, first_of, summary_of, write_quarantine


def finding(name: str, severity: str = "error", check: str = "sizes_equal") -> DataFinding:
    """A finding about a sample."""
    return DataFinding(name, f"data/masks/{name}.png", severity, check, "mask is small", "export it again")


def test_words_of_a_finding() -> None:
    """A finding says where, what and what to do."""
    assert str(finding("a")) == "data/masks/a.png: mask is small; export it again"


def test_only_errors_of_samples_are_bad() -> None:
    """Warnings and what is about the whole set make no sample bad."""
    assert bad_names([finding("a"), finding("b", "warning"), finding("")]) == {"a"}


def test_quarantine_list(tmp_path: Path) -> None:
    """It holds the errors of samples in order of name, under the fields' names."""
    path = tmp_path / "work" / "quarantine.csv"
    write_quarantine(path, [finding("b"), finding("a"), finding("a", "warning"), finding("")])
    assert path.read_text().startswith("name,file,severity,check,reason,what_to_do\na,data/masks/a.png,error,")
    assert read_rows(path, DataFinding, "validate") == [finding("a"), finding("b")]


@given(
    st.lists(st.tuples(st.text("abc", min_size=1), st.sampled_from(["error", "warning"]), st.text("xy")), max_size=9)
)
def test_all_findings_are_counted(rows: list[tuple[str, str, str]]) -> None:
    """The shown and the omitted findings add up."""
    findings = [finding(*row) for row in rows]
    lines = first_of(findings, 3).splitlines()
    assert len(lines) == min(len(findings), 4)
    assert len(findings) <= 3 or lines[-1] == f"  ... and {len(findings) - 3} more"


def test_different_faults_are_shown_first() -> None:
    """A second finding of one check comes after the first of another."""
    shown = first_of([finding("a"), finding("b"), finding("c", check="ids_declared")], 2)
    assert "a.png" in shown and "c.png" in shown and "1 more" in shown


def test_summary_counts_by_check() -> None:
    """The check with the most findings comes first, with examples."""
    lines = summary_of([finding("c", check="ids_declared"), finding("a"), finding("b")])
    assert lines[0] == "error sizes_equal: 2" and "a.png" in lines[1]
    assert lines[2] == "error ids_declared: 1"
