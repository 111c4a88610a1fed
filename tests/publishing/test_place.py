"""Tests of what all places have in common."""

import pytest

from pipeline.errors import StorageError
from pipeline.publishing.place import check_model_name, in_order, list_names, number_of
from pipeline.publishing.record import GRAPH, RECORD, SIGNATURE


def test_the_record_is_written_first_and_the_graph_last() -> None:
    """So a publication that is not whole can be told as ours, and cannot be loaded."""
    assert in_order({GRAPH, SIGNATURE, "variables/x", RECORD, "a"}) == [RECORD, SIGNATURE, "a", "variables/x", GRAPH]


def test_a_number_is_what_tensorflow_serving_takes_for_one() -> None:
    """Zeros before it are part of it; a sign, a blank or another script's digits are not."""
    numbers = {"7/a": 7, "7": 7, "007/a": 7, "0/a": 0, "-7/a": None, "7 /a": None, "٧/a": None, "a/7": None, "": None}
    assert {path: number_of(path) for path in numbers} == numbers
    assert list_names(["7/a", "7/b/c", "70/d", "007/e", "7"], 7) == {"a", "b/c"}


@pytest.mark.parametrize("name", ["..", ".", ".segline", " a", "a "])
def test_a_model_name_that_is_no_folder_is_refused(name: str) -> None:
    """MLflow takes it; here it would lead elsewhere or be hidden."""
    with pytest.raises(StorageError, match="cannot be the name of a folder; set SEGLINE_MODEL_NAME"):
        check_model_name(name)
