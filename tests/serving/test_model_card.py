"""Tests of the card inside an exported model's folder."""

from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.dataset.contract import ClassList
from pipeline.disk.files import read_json, write_json
from pipeline.errors import DataError, EvidenceError
from pipeline.serving.model_card import CARD, DenseCrf, ModelCard, Postprocess

CLASSES = ClassList(("sky", "road"), ((0, 0, 255), (90, 90, 90)), 254)
MODEL_CARD = ModelCard(CLASSES, (96, 128), Postprocess(3, 0, 50), flip=True)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A model's folder with its card."""
    (tmp_path / "saved_model.pb").touch()
    MODEL_CARD.write(tmp_path)
    return tmp_path


def test_card_round_trip(folder: Path) -> None:
    """Writing a card and reading it back loses nothing."""
    assert ModelCard.read(folder) == MODEL_CARD


def test_card_says_its_ids_in_the_words_of_the_data(folder: Path) -> None:
    """Classes stand in the file as in dataset.yaml, so that a stranger can read it without our code."""
    assert read_json(folder / CARD, "")["classes"][1] == {"id": 1, "name": "road", "colour": [90, 90, 90]}


def test_card_keeps_the_crf(folder: Path) -> None:
    """The CRF's settings are in the file, and what runs is told in words; a card without one has none."""
    assert ModelCard.read(folder).postprocess.dense_crf is None
    crf = DenseCrf(10, 4, 67, 3, 3, 1)
    replace(MODEL_CARD, postprocess=Postprocess(3, 0, 0, crf)).write(folder)
    assert ModelCard.read(folder).postprocess == Postprocess(3, 0, 0, crf)
    assert Postprocess(3, 0, 0, crf).words().startswith("dense_crf.num_iterations 10, dense_crf.bilateral_weight 4")
    assert (Postprocess(3, 0, 50).words(), Postprocess(0, 0, 0).words()) == ("open_px 3, min_area_px 50", "")


def test_card_of_an_ensemble_names_its_networks(folder: Path) -> None:
    """Their number and weights are in the file; the card of a single network has neither."""
    assert "num_networks" not in read_json(folder / CARD, "")
    ensemble = replace(MODEL_CARD, weights_md5=("1f", "2e"))
    ensemble.write(folder)
    assert ModelCard.read(folder) == ensemble and read_json(folder / CARD, "")["num_networks"] == 2


def test_folder_without_model_is_refused(folder: Path) -> None:
    """A card alone is no model."""
    (folder / "saved_model.pb").unlink()
    with pytest.raises(EvidenceError, match="holds no saved_model.pb; expected a model that the stage `export` wrote"):
        ModelCard.read(folder)
    assert ModelCard.read_file(folder / CARD) == MODEL_CARD


def test_model_without_card_is_refused(folder: Path) -> None:
    """A SavedModel of someone else says nothing of its ids."""
    (folder / CARD).unlink()
    with pytest.raises(EvidenceError, match="segline.json: not found; the stage `export` writes it"):
        ModelCard.read(folder)


def test_card_with_a_gap_in_its_ids_is_refused(folder: Path) -> None:
    """Ids in the card follow the rules of the data contract."""
    content = read_json(folder / CARD, "")
    content["classes"][1]["id"] = 5
    write_json(folder / CARD, content)
    with pytest.raises(DataError, match="segline.json: class ids are .0, 5., expected 0 to 1 without gaps"):
        ModelCard.read(folder)


def test_card_without_a_size_is_refused(folder: Path) -> None:
    """A card that lacks a part names the parts that may lack."""
    content = read_json(folder / CARD, "")
    del content["size"]
    write_json(folder / CARD, content)
    with pytest.raises(
        EvidenceError, match="is not what the stage `export` writes .size: Field required.; run it again"
    ):
        ModelCard.read(folder)


def test_card_of_an_older_model_loads(folder: Path) -> None:
    """A model that was registered before there were `flip` and the CRF loads, and has neither."""
    content = read_json(folder / CARD, "")
    del content["flip"], content["postprocess"]["dense_crf"]
    write_json(folder / CARD, content)
    assert ModelCard.read(folder) == replace(MODEL_CARD, flip=False)
