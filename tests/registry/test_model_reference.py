"""Tests of how a registered model is named."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import RegistryError
from pipeline.registry.model_reference import ModelReference, parse_reference

NAMES = st.from_regex(r"[A-Za-z][A-Za-z0-9_. -]{0,9}", fullmatch=True)
REFERENCES = st.one_of(
    st.builds(ModelReference, NAMES, st.integers(1, 10_000), st.none()),
    st.builds(ModelReference, NAMES, st.none(), st.from_regex(r"[a-z][a-z0-9_-]{0,9}", fullmatch=True)),
)


@given(REFERENCES, st.sampled_from(["", "models:/"]))
def test_round_trip(reference: ModelReference, before: str) -> None:
    """A reference is read as it is written, with MLflow's prefix and without."""
    assert parse_reference(f"{before}{reference}", "default") == reference


@pytest.mark.parametrize("text", ["champion", "@champion", "models:/segline@champion"])
def test_alias_of_our_model(text: str) -> None:
    """An alias alone means that of our model."""
    assert parse_reference(text, "segline") == ModelReference("segline", None, "champion")


def test_number_of_our_model() -> None:
    """A number alone means that version of our model."""
    assert parse_reference("3", "segline") == ModelReference("segline", 3, None)


@pytest.mark.parametrize("text", ["", "work/export/model", "a@b@c", "name/", "@", "/abs/1"])
def test_anything_else_is_refused(text: str) -> None:
    """What is neither is refused with the forms that there are."""
    with pytest.raises(RegistryError, match="no such folder, and no name of a registered model; expected"):
        parse_reference(text, "segline")
