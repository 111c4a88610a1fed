"""Tests of the recipe that fits a budget."""

import math

from hypothesis import given
from hypothesis import strategies as st

from pipeline.planning.recipe import BATCH_SIZE, MIN_SIDE_PX, MULTIPLE, Recipe, choose_recipe

SIZES = st.tuples(st.integers(1, 20_000), st.integers(1, 20_000))


@given(SIZES, st.floats(1, 500), st.integers(1, 10**6), st.floats(1e-6, 100), st.floats(1, 1e9))
def test_every_budget_has_a_recipe(
    size: tuple[int, int], object_px: float, num_train: int, max_core_s: float, max_batch_px: float
) -> None:
    """Sides are multiples that the network halves, the crop fits into the size, and a batch into the training set."""
    recipe = choose_recipe(size, object_px, num_train, max_core_s, max_batch_px)
    assert all(side % MULTIPLE == 0 and side >= MIN_SIDE_PX for side in (*recipe.size, *recipe.crop))
    assert all(crop <= side for crop, side in zip(recipe.crop, recipe.size, strict=True))
    assert min(recipe.crop) % 2**recipe.num_levels == 0
    assert 1 <= recipe.batch_size <= min(BATCH_SIZE, num_train)
    assert recipe.batch_size == 1 or recipe.batch_size * math.prod(recipe.crop) <= max_batch_px


def choose(max_core_s: float, object_px: float = 40) -> Recipe:
    """For CamVid's images."""
    return choose_recipe((360, 480), object_px, 300, max_core_s, math.inf)


def test_more_time_buys_a_larger_recipe() -> None:
    """Neither the size nor the width falls as the budget grows."""
    recipes = [choose(budget) for budget in (0.01, 0.1, 1, 10, 100)]
    costs = [recipe.core_s for recipe in recipes]
    assert costs == sorted(costs) and costs[0] < costs[-1]
    assert recipes[-1].width == 32 and max(recipes[-1].size) >= 384
    assert all(recipe.core_s <= budget for recipe, budget in zip(recipes[1:], (0.1, 1, 10, 100), strict=True))


def test_small_objects_are_kept() -> None:
    """Channels are given up before objects of 6 px fall below 3."""
    large, small = choose(0.15), choose(0.15, object_px=6)
    assert max(small.size) > max(large.size) or small.width < large.width
    assert small.keeps_objects and not choose(0.0001, object_px=6).keeps_objects
