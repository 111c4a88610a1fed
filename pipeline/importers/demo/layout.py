"""The layout of a street: houses, hedges, trees, poles and cars, each with its position in metres.

The street runs along z, away from the camera; x is to the right, y is up, the middle of the road is x = 0. A street has
no end: it depends on its key alone, so a longer drive shows more of it and changes nothing.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from pipeline.dataset.contract import Colour
from pipeline.importers.demo.random_stream import RandomStream

SKY, BUILDING, ROAD, PAVEMENT, TREE, CAR = range(6)
VIEW_M = 150.0
BEHIND_M = 12.0

WALLS: tuple[Colour, ...] = (
    (150, 82, 64), (192, 166, 128), (214, 205, 186), (142, 141, 138), (116, 130, 150), (160, 164, 140),
    (226, 224, 218), (112, 86, 70), (188, 142, 132),
)  # fmt: skip
ROOFS: tuple[Colour, ...] = ((92, 60, 52), (80, 84, 92), (120, 74, 58), (60, 62, 66))
LEAVES: tuple[Colour, ...] = (
    (58, 102, 36), (86, 130, 44), (42, 84, 44), (104, 140, 58), (200, 132, 36), (142, 142, 46),
)  # fmt: skip
PAINTS: tuple[Colour, ...] = (
    (228, 228, 226), (172, 174, 178), (34, 34, 38), (162, 34, 38), (44, 74, 142), (54, 92, 66), (216, 178, 48),
    (190, 170, 134), (98, 98, 102),
)  # fmt: skip
ROADS: tuple[Colour, ...] = ((92, 92, 94), (106, 104, 102), (114, 106, 98), (76, 78, 86))
PAVEMENTS: tuple[Colour, ...] = ((168, 166, 160), (184, 172, 156), (150, 146, 146), (172, 134, 118))


@dataclass(frozen=True)
class Light:
    """The light of a time of day.

    Attributes:
        sky: colours of the sky, at the top and at the horizon.
        gain: factors of red, green and blue, in 1/256.
        haze: share of the horizon's colour in the colour of a surface 100 m away.
        sun: side of the sun, -1 left, 1 right, 0 not visible.
        lit: share of the windows that are lit.
    """

    sky: tuple[Colour, Colour]
    gain: Colour
    haze: float
    sun: int
    lit: float


LIGHTS = (
    Light(((92, 146, 212), (190, 212, 230)), (262, 258, 250), 0.25, 1, 0.0),
    Light(((150, 170, 196), (232, 214, 190)), (266, 250, 228), 0.45, -1, 0.1),
    Light(((158, 162, 168), (196, 198, 200)), (222, 226, 232), 0.40, 0, 0.15),
    Light(((104, 96, 140), (236, 158, 110)), (204, 176, 168), 0.35, -1, 0.5),
    Light(((42, 50, 84), (92, 92, 112)), (150, 156, 186), 0.20, 0, 0.6),
)


@dataclass(frozen=True)
class Lot:
    """A house or a hedge at the back of a pavement, from z to z + length."""

    side: int
    z: float
    length: float
    height: float
    colour: Colour
    roof: Colour | None
    is_hedge: bool
    key: int


@dataclass(frozen=True)
class RoadObject:
    """A tree, pole or car at (x, z); `size` is the crown's radius, the pole's width or the car's length."""

    kind: str
    x: float
    z: float
    height: float
    size: float
    colour: Colour
    key: int


@dataclass(frozen=True)
class Street:
    """A street as a whole.

    Attributes:
        key: of all its random streams.
        road_m: half of the road's width.
        house_m: from the middle of the road to the houses.
        lane_m: x at which the camera drives.
    """

    key: tuple[str | int, ...]
    light: Light
    road_m: float
    house_m: float
    lane_m: float
    road: Colour
    pavement: Colour
    is_marked: bool


def build_street(seed: int, name: str, light: Light) -> Street:
    """The street of that name."""
    rng = RandomStream(seed, name, "street")
    road_m = rng.uniform(3.4, 5.6)
    return Street(
        key=(seed, name),
        light=light,
        road_m=road_m,
        house_m=road_m + rng.uniform(2.4, 4.6),
        lane_m=rng.choice((-1, 1)) * road_m * rng.uniform(0.3, 0.5),
        road=tint(rng.choice(ROADS), rng, 8),
        pavement=tint(rng.choice(PAVEMENTS), rng, 8),
        is_marked=rng.happens(0.7),
    )


def lots_of(street: Street, side: int, until_m: float) -> Iterator[Lot]:
    """The houses and hedges of one side (-1 left, 1 right) in order of z, without gaps."""
    rng = RandomStream(*street.key, "lots", side)
    hedge_share, height_m = rng.uniform(0.05, 0.35), rng.uniform(6.0, 14.0)
    z = -BEHIND_M
    while z < until_m:
        is_hedge, length = rng.happens(hedge_share), rng.uniform(7.0, 18.0)
        height = rng.uniform(1.4, 4.5) if is_hedge else height_m * rng.uniform(0.65, 1.35)
        colour = tint(rng.choice(LEAVES[:4] if is_hedge else WALLS), rng, 14)
        roof = tint(rng.choice(ROOFS), rng, 10) if rng.happens(0.6) else None
        yield Lot(side, z, length, height, colour, roof, is_hedge, rng.integer(0, 1 << 30))
        z += length


def objects_of(street: Street, side: int, until_m: float) -> Iterator[RoadObject]:
    """The trees, poles and parked cars along the kerb of one side in order of z, kind after kind.

    A street has its own spacing of each kind, or none of them.
    """
    for kind, gaps_m, share in (("tree", (5.0, 26.0), 0.75), ("pole", (9.0, 22.0), 0.8), ("car", (6.2, 12.0), 0.6)):
        rng = RandomStream(*street.key, kind, side)
        gap_m, has_any = rng.uniform(*gaps_m), rng.happens(share)
        z = -BEHIND_M + rng.uniform(0.0, gap_m)
        while has_any and z < until_m:
            yield _road_object(kind, side, z, street, rng)
            z += gap_m * rng.uniform(0.85, 1.5)


def moving_cars(street: Street, frame: int, camera_m: float) -> Iterator[RoadObject]:
    """The cars that drive in the street at a frame."""
    rng = RandomStream(*street.key, "traffic", frame)
    for lane in (-1, 1):
        z = camera_m + rng.uniform(7.0, 30.0)
        for _ in range(rng.integer(0, 2)):
            x = lane * street.road_m * rng.uniform(0.22, 0.4)
            size = rng.uniform(1.35, 1.9), rng.uniform(3.7, 4.9)
            yield RoadObject("car", x, z, *size, _paint(rng), rng.integer(0, 99))
            z += rng.uniform(8.0, 25.0)


def tint(colour: Colour, rng: RandomStream, amount: int) -> Colour:
    """The colour with random changes of its brightness and hue."""
    lighter = rng.integer(-amount, amount)
    red, green, blue = (min(255, max(0, part + lighter + rng.integer(-amount // 2, amount // 2))) for part in colour)
    return red, green, blue


def _road_object(kind: str, side: int, z: float, street: Street, rng: RandomStream) -> RoadObject:
    key = rng.integer(0, 1 << 30)
    if kind == "tree":
        leaves = tint(rng.choice(LEAVES), rng, 12)
        x = side * (street.road_m + rng.uniform(0.5, 1.2))
        return RoadObject(kind, x, z, rng.uniform(2.0, 3.4), rng.uniform(1.1, 2.4), leaves, key)
    if kind == "pole":
        metal = tint((92, 94, 98), rng, 30)
        x = side * (street.road_m + 0.35)
        return RoadObject(kind, x, z, rng.uniform(3.0, 8.0), rng.uniform(0.1, 0.2), metal, key)
    x = side * (street.road_m - rng.uniform(0.95, 1.1))
    return RoadObject(kind, x, z, rng.uniform(1.35, 1.9), rng.uniform(3.7, 4.9), _paint(rng), key)


def _paint(rng: RandomStream) -> Colour:
    return tint(rng.choice(PAINTS), rng, 10)
