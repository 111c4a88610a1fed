"""Tests of the layout of a street."""

from itertools import pairwise

from pipeline.importers.demo.layout import LIGHTS, Street, build_street, lots_of, moving_cars, objects_of

NAMES = ("abbey", "birch", "castle")


def _streets() -> list[Street]:
    return [build_street(0, name, LIGHTS[0]) for name in NAMES]


def test_houses_and_hedges_stand_without_gaps() -> None:
    """Each lot begins where the one before ends."""
    for street in _streets():
        lots = list(lots_of(street, -1, 200.0))
        assert all(abs(one.z + one.length - other.z) < 1e-9 for one, other in pairwise(lots))
        assert lots[-1].z + lots[-1].length >= 200.0


def test_a_longer_look_changes_nothing_near() -> None:
    """The layout up to 100 m is the beginning of the layout up to 300 m."""
    for street in _streets():
        near, far = list(lots_of(street, 1, 100.0)), list(lots_of(street, 1, 300.0))
        assert far[: len(near)] == near
        assert set(objects_of(street, 1, 100.0)) <= set(objects_of(street, 1, 300.0))


def test_objects_stand_where_they_belong() -> None:
    """Cars are on the road, trees and poles on the pavement; traffic is ahead of the camera."""
    for street in _streets():
        for item in objects_of(street, 1, 300.0):
            assert (abs(item.x) < street.road_m) == (item.kind == "car")
            assert abs(item.x) < street.house_m
        assert all(car.z > 40.0 and abs(car.x) < street.road_m for car in moving_cars(street, 3, 40.0))
