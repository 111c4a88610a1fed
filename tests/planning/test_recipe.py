"""Tests of the recipe that fits a budget."""

import dataclasses
import math
from unittest.mock import patch

from hypothesis import given
from hypothesis import strategies as st

from pipeline.planning.recipe import BATCH_SIZE, MIN_SIDE_PX, MULTIPLE, PUBLISHED, Choice, Recipe, choose_recipe

SIZES = st.tuples(st.integers(1, 20_000), st.integers(1, 20_000))


@given(SIZES, st.floats(1, 500), st.integers(1, 10**6), st.floats(1e-6, 100), st.floats(1, 1e9))
def test_every_budget_has_a_recipe(
    size: tuple[int, int], object_px: float, num_train: int, max_core_s: float, max_batch_px: float
) -> None:
    """Sides are multiples that the network halves, the crop fits into the size, and a batch into the training set."""
    recipe = choose_recipe(size, object_px, num_train, max_core_s, max_batch_px)
    assert all(side % MULTIPLE == 0 and side >= MIN_SIDE_PX for side in (*recipe.size, *recipe.crop))
    assert all(crop <= side for crop, side in zip(recipe.crop, recipe.size, strict=True))
    assert min(recipe.crop) % 2 ** recipe.choice.network.get("num_levels", 0) == 0
    assert 1 <= recipe.batch_size <= min(BATCH_SIZE, num_train)
    assert recipe.batch_size == 1 or recipe.batch_size * math.prod(recipe.crop) <= max_batch_px


def choose(max_core_s: float, object_px: float = 40, fixed: Choice | None = None) -> Recipe:
    """For CamVid's images."""
    return choose_recipe((360, 480), object_px, 300, max_core_s, math.inf, fixed=fixed)


def test_more_time_buys_a_larger_recipe() -> None:
    """The size does not fall as the budget grows; published weights are chosen as soon as they can be paid for."""
    budgets = (0.003, 0.01, 0.02, 0.1, 1, 10)
    recipes = [choose(budget) for budget in budgets]
    costs = [recipe.core_s for recipe in recipes]
    assert costs == sorted(costs) and costs[0] < costs[-1]
    assert [recipe.choice is PUBLISHED for recipe in recipes] == [False, False, True, True, True, True]
    assert max(recipes[-1].size) >= 384
    for recipe, budget in zip(recipes[1:], budgets[1:], strict=True):
        assert recipe.core_s * recipe.choice.seen_share <= budget


def test_a_short_training_has_a_unet() -> None:
    """Published weights take too long to start, however small the images are."""
    assert choose_recipe((64, 64), 40, 300, 10, math.inf, 99).choice.network["name"] == "unet"
    assert choose_recipe((64, 64), 40, 300, 10, math.inf, 101).choice is PUBLISHED


def test_small_objects_are_kept() -> None:
    """Channels are given up before objects of 6 px fall below 3."""
    short = dataclasses.replace(PUBLISHED, min_side_px=512)
    with patch("pipeline.planning.recipe.PUBLISHED", short):
        large, small = choose(0.15), choose(0.15, object_px=6)
    assert small.choice.network["width"] < large.choice.network["width"] and max(small.size) > max(large.size)
    assert small.keeps_objects and large.size != small.size
    assert not choose(0.0001, object_px=6).keeps_objects


def test_a_network_of_a_person_is_kept() -> None:
    """And gets crops that it can learn from; the largest ones if there are none."""
    deep = Choice({"name": "unet", "num_levels": 7}, "", 20, 0, min_side_px=128)
    for budget in (0.0001, 0.1, 10):
        recipe = choose(budget, fixed=deep)
        assert recipe.choice is deep and min(recipe.crop) >= 128
    assert min(choose_recipe((90, 400), 40, 300, 0.1, math.inf, fixed=deep).crop) < 128
