"""Runs the table of awkward data sets: each message leads to an import with the right classes."""

import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipeline.dataset.contract import list_samples, read_class_list
from pipeline.disk.yaml_text import parse_yaml
from pipeline.errors import DataError
from pipeline.importers.repairs.command import NEXT
from pipeline.steps.import_ import Imported, import_data
from pipeline.validation.checks import Table, sample_checks
from pipeline.validation.facts import most_ignored_share, sample_row
from pipeline.validation.findings import ERROR
from pipeline.validation.scan import look_at
from segline.command import parse
from tests.importers.awkward_cases import CASES, Case
from tests.importers.awkward_files import Truth

ROOT = Path(__file__).parents[2]
MAX_STEPS = 5


@pytest.fixture(autouse=True)
def _in_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def _run(line: str) -> Imported:
    """Runs a command line as the shell would give its words to the command."""
    _, bound = parse(shlex.split(line)[1:])
    return import_data("folder", *bound.args, **bound.kwargs)


def _import(case: Case) -> Imported:
    """Follows the messages from the first command to an import."""
    line = f"segline import folder {case.words}"
    for step in range(MAX_STEPS):
        try:
            return _run(line)
        except DataError as err:
            lines = str(err).splitlines()
            assert step or (case.refused and re.search(case.refused, str(err), re.DOTALL)), err
            assert lines[-1].startswith(f"{NEXT}segline import folder "), err
            line = lines[-1 if step else case.line].removeprefix(NEXT)
            if not step:
                assert case.adds in line, err
                case.mend()
    raise AssertionError(f"{MAX_STEPS} commands end in no import")


def _shares(masks: Truth, num_classes: int) -> np.ndarray:
    pixels = np.concatenate([mask.ravel() for mask in masks])
    return np.bincount(pixels, minlength=256)[: max(num_classes, 3)] / pixels.size


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_each_message_leads_to_the_right_import(case: Case) -> None:
    """The command in the last line of a refusal works as it is, and ends in an import that `validate` accepts."""
    expected = case.write()
    imported = _import(case)
    classes = read_class_list()
    masks = [np.asarray(Image.open(path)) for path in sorted(Path("data/masks").iterdir())]
    assert len(masks) == len(expected) == imported.num_samples
    shares = _shares(masks, len(classes)), _shares(expected, len(classes))
    assert np.abs(shares[0] - shares[1]).max() <= case.tolerance
    assert re.search(case.notes, "\n".join(imported.notes), re.DOTALL)
    _check_valid()


def _check_valid() -> None:
    """No sample has an error by the params of the project."""
    params = parse_yaml((ROOT / "params.yaml").read_text())["validate"]
    classes = read_class_list()
    facts = [look_at(sample) for sample in list_samples()]
    rows = [sample_row(one, classes, most_ignored_share(facts, classes)) for one in facts]
    checks = sample_checks(params["max_ignored_share"], params["one_class_masks"], params["binary_looking_masks"])
    findings = Table("samples", "name", rows, checks).findings()
    assert not [finding for finding in findings if finding.severity == ERROR]
    found = {id_ for one in facts if one.mask and one.mask.pixels for id_ in one.mask.pixels}
    assert found >= {*range(len(classes))}


def test_the_table_has_forty_cases_with_names_of_their_own() -> None:
    """The issue asks for so many."""
    assert len({case.name for case in CASES}) == len(CASES) >= 40
