"""What stands in a drawn street: houses, hedges, trees, poles and cars, each at its place in metres.

The street runs along z, away from the camera; x is to the right, y is up, the middle of the road is x = 0. A street has
no end: it follows from its key alone as far as one looks, so a longer drive shows more of it and changes nothing.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from pipeline.dataset.contract import Colour
from pipeline.importers.demo.randomness import Chance

SKY, BUILDING, ROAD, PAVEMENT, TREE, CAR = range(6)
VIEW_M = 150.0
BEHIND_M = 12.0

WALLS: tuple[Colour, ...] = (
    (150, 82, 64),
    (192, 166, 128),
    (214, 205, 186),
    (142, 141, 138),
    (116, 130, 150),
    (160, 164, 140),
    (226, 224, 218),
    (112, 86, 70),
    (188, 142, 132),
)
ROOFS: tuple[Colour, ...] = ((92, 60, 52), (80, 84, 92), (120, 74, 58), (60, 62, 66))
LEAVES: tuple[Colour, ...] = (
    (58, 102, 36),
    (86, 130, 44),
    (42, 84, 44),
    (104, 140, 58),
    (200, 132, 36),
    (142, 142, 46),
)
PAINTS: tuple[Colour, ...] = (
    (228, 228, 226),
    (172, 174, 178),
    (34, 34, 38),
    (162, 34, 38),
    (44, 74, 142),
    (54, 92, 66),
    (216, 178, 48),
    (190, 170, 134),
    (98, 98, 102),
)
ROADS: tuple[Colour, ...] = ((92, 92, 94), (106, 104, 102), (114, 106, 98), (76, 78, 86))
PAVEMENTS: tuple[Colour, ...] = ((168, 166, 160), (184, 172, 156), (150, 146, 146), (172, 134, 118))


@dataclass(frozen=True)
class Light:
    """The light of a time of day.

    Attributes:
        sky: colours of the sky, at the top and at the horizon.
        gain: factors of red, green and blue, in 1/256.
        haze: share of the horizon's colour in what is 100 m away.
        sun: side of the sun, -1 left, 1 right, 0 none to be seen.
        lit: share of the windows with light in them.
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
class Thing:
    """A tree, pole or car that stands at (x, z); `size` is the crown's radius, the pole's width or the car's length."""

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
        key: from which everything in it follows.
        light: the time of day.
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
    """Lays out the street of that name."""
    chance = Chance(seed, name, "street")
    road_m = chance.real(3.4, 5.6)
    return Street(
        key=(seed, name),
        light=light,
        road_m=road_m,
        house_m=road_m + chance.real(2.4, 4.6),
        lane_m=chance.one_of((-1, 1)) * road_m * chance.real(0.3, 0.5),
        road=tint(chance.one_of(ROADS), chance, 8),
        pavement=tint(chance.one_of(PAVEMENTS), chance, 8),
        is_marked=chance.happens(0.7),
    )


def lots_of(street: Street, side: int, until_m: float) -> Iterator[Lot]:
    """The houses and hedges of one side (-1 left, 1 right) in order of z, without gaps."""
    chance = Chance(*street.key, "lots", side)
    hedge_share, height_m = chance.real(0.05, 0.35), chance.real(6.0, 14.0)
    z = -BEHIND_M
    while z < until_m:
        is_hedge, length = chance.happens(hedge_share), chance.real(7.0, 18.0)
        height = chance.real(1.4, 4.5) if is_hedge else height_m * chance.real(0.65, 1.35)
        colour = tint(chance.one_of(LEAVES[:4] if is_hedge else WALLS), chance, 14)
        roof = tint(chance.one_of(ROOFS), chance, 10) if chance.happens(0.6) else None
        yield Lot(side, z, length, height, colour, roof, is_hedge, chance.whole(0, 1 << 30))
        z += length


def things_of(street: Street, side: int, until_m: float) -> Iterator[Thing]:
    """The trees, poles and parked cars of one side in order of z, kind after kind."""
    yield from _row(street, side, "tree", (5.0, 26.0), 0.75, until_m)
    yield from _row(street, side, "pole", (9.0, 22.0), 0.8, until_m)
    yield from _row(street, side, "car", (6.2, 12.0), 0.6, until_m)


def moving_cars(street: Street, frame: int, camera_m: float) -> Iterator[Thing]:
    """The cars that drive in the street at a frame."""
    chance = Chance(*street.key, "traffic", frame)
    for lane in (-1, 1):
        z = camera_m + chance.real(7.0, 30.0)
        for _ in range(chance.whole(0, 2)):
            x = lane * street.road_m * chance.real(0.22, 0.4)
            yield Thing("car", x, z, chance.real(1.35, 1.9), chance.real(3.7, 4.9), _paint(chance), chance.whole(0, 99))
            z += chance.real(8.0, 25.0)


def tint(colour: Colour, chance: Chance, amount: int) -> Colour:
    """The colour, a little lighter or darker and a little off its hue."""
    lighter = chance.whole(-amount, amount)
    red, green, blue = (min(255, max(0, part + lighter + chance.whole(-amount // 2, amount // 2))) for part in colour)
    return red, green, blue


def _row(
    street: Street, side: int, kind: str, gaps_m: tuple[float, float], share: float, until_m: float
) -> Iterator[Thing]:
    """Things of one kind along the kerb; a street has its own spacing, or none of them."""
    chance = Chance(*street.key, kind, side)
    gap_m, has_any = chance.real(*gaps_m), chance.happens(share)
    z = -BEHIND_M + chance.real(0.0, gap_m)
    while has_any and z < until_m:
        yield _thing(kind, side, z, street, chance)
        z += gap_m * chance.real(0.85, 1.5)


def _thing(kind: str, side: int, z: float, street: Street, chance: Chance) -> Thing:
    key = chance.whole(0, 1 << 30)
    if kind == "tree":
        leaves = tint(chance.one_of(LEAVES), chance, 12)
        x = side * (street.road_m + chance.real(0.5, 1.2))
        return Thing(kind, x, z, chance.real(2.0, 3.4), chance.real(1.1, 2.4), leaves, key)
    if kind == "pole":
        metal = tint((92, 94, 98), chance, 30)
        return Thing(kind, side * (street.road_m + 0.35), z, chance.real(3.0, 8.0), chance.real(0.1, 0.2), metal, key)
    x = side * (street.road_m - chance.real(0.95, 1.1))
    return Thing(kind, x, z, chance.real(1.35, 1.9), chance.real(3.7, 4.9), _paint(chance), key)


def _paint(chance: Chance) -> Colour:
    return tint(chance.one_of(PAINTS), chance, 10)
