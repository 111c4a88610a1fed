"""Drawn street scenes with their masks: the data set of the demo, the same bytes for the same seed."""

import numpy as np

from pipeline.dataset.contract import ClassList, Colour
from pipeline.importers.demo.canvas import SIZE, VOID, Canvas, blend, expose, scaled, side_wall, slab, soften, wall
from pipeline.importers.demo.layout import (
    BUILDING,
    LEAVES,
    LIGHTS,
    PAVEMENT,
    ROAD,
    SKY,
    TREE,
    VIEW_M,
    WALLS,
    Light,
    Lot,
    Street,
    build_street,
    lots_of,
    moving_cars,
    objects_of,
    tint,
)
from pipeline.importers.demo.random_stream import RandomStream
from pipeline.importers.demo.road_objects import draw_car, draw_pole, draw_tree

CLASSES = ClassList(
    names=("sky", "building", "road", "pavement", "tree", "car"),
    colours=((70, 130, 180), (70, 70, 70), (128, 64, 128), (244, 35, 232), (107, 142, 35), (0, 0, 142)),
    ignore_id=VOID,
)

STREETS = (
    "abbey", "birch", "castle", "dale", "elm", "field", "glen", "harbour", "iron", "juniper", "kiln", "linden",
    "meadow", "north", "oak", "park", "queen", "river", "south", "tower", "union", "valley", "willow", "york",
)  # fmt: skip
"""Names of the groups; the light of a street follows from its place here."""

METRES_PER_FRAME = 4.0
FINE = np.zeros(256, np.int16)
FINE[:6] = 3, 12, 24, 10, 80, 6
COARSE = np.zeros(256, np.int16)
COARSE[:6] = 6, 14, 24, 10, 110, 6
GLASS: tuple[Colour, ...] = ((52, 60, 74), (84, 98, 114), (132, 158, 184), (40, 42, 46))
LAMPLIGHT: Colour = (252, 212, 132)


def draw_scene(seed: int, street: str, frame: int) -> tuple[np.ndarray, np.ndarray]:
    """Draws one frame, from 0 and each 4 m further on, of a drive along a street of `STREETS`.

    Returns:
        The image (192, 256, 3) uint8 RGB and the mask (192, 256) uint8 of `CLASSES`' ids, 255 = void: poles, and a
        thin band where two classes meet.
    """
    layout = build_street(seed, street, LIGHTS[STREETS.index(street) % len(LIGHTS)])
    rng = RandomStream(seed, street, "frame", frame)
    canvas = _set_up(layout, frame, rng)
    _draw_sky(canvas, layout, rng)
    _draw_ground(canvas, layout)
    _draw_lots(canvas, layout)
    _draw_objects(canvas, layout, frame)
    canvas.roughen(rng, FINE, COARSE)
    return _photograph(canvas, layout.light, rng)


def _set_up(street: Street, frame: int, rng: RandomStream) -> Canvas:
    place = RandomStream(*street.key, "camera")
    x, y = place.uniform(0.38, 0.62) * 2 * SIZE[1], place.uniform(0.40, 0.54) * 2 * SIZE[0]
    horizon = (x + rng.uniform(-24, 24), y + rng.uniform(-10, 10))
    camera = (street.lane_m + rng.uniform(-0.4, 0.4), place.uniform(1.4, 2.3), frame * METRES_PER_FRAME)
    return Canvas(camera, horizon, (street.light.sky[1], street.light.haze))


def _draw_sky(canvas: Canvas, street: Street, rng: RandomStream) -> None:
    (top, low), right = street.light.sky, 2 * SIZE[1]
    for row in range(0, round(canvas.horizon[1]) + 1, 4):
        stripe = [(0, row), (right, row), (right, row + 5), (0, row + 5)]
        canvas.fill_flat(stripe, blend(top, low, row / canvas.horizon[1]), SKY)
    for _ in range(RandomStream(*street.key, "clouds").integer(0, 7)):
        x, y = rng.uniform(0, 2 * SIZE[1]), rng.uniform(0, canvas.horizon[1] * 0.8)
        colour = tint(blend(top, low, rng.uniform(0.7, 1.5)), rng, 10)
        for _ in range(rng.integer(2, 5)):
            canvas.fill_blob((x + rng.uniform(-50, 50), y + rng.uniform(-9, 9)), (44, 12), colour, SKY, rng)


def _draw_ground(canvas: Canvas, street: Street) -> None:
    near, far = canvas.camera[2], canvas.camera[2] + VIEW_M
    canvas.fill(slab((-90, 90), (near, far)), street.pavement, PAVEMENT)
    slab_m = RandomStream(*street.key, "slabs").uniform(1.0, 2.4)
    for step in range(int(near / slab_m), int((near + 26) / slab_m)):
        z = (step + 1) * slab_m
        canvas.fill(slab((-street.house_m, street.house_m), (z, z + 0.1)), scaled(street.pavement, 0.72), PAVEMENT)
    kerb = scaled(street.pavement, 1.3)
    canvas.fill(slab((-street.road_m - 0.35, street.road_m + 0.35), (near, far)), kerb, PAVEMENT)
    canvas.fill(slab((-street.road_m, street.road_m), (near, far)), street.road, ROAD)
    _draw_patches(canvas, street)
    if street.is_marked:
        for step in range(int(near / 6), int((near + 70) / 6)):
            canvas.fill(slab((-0.08, 0.08), (step * 6 + 4, step * 6 + 7)), (214, 212, 204), ROAD)


def _draw_patches(canvas: Canvas, street: Street) -> None:
    """Repairs of the road, darker or lighter, and zebra crossings."""
    rng = RandomStream(*street.key, "patches")
    z = 0.0
    while z < canvas.camera[2] + 60:
        z += rng.uniform(3.0, 14.0)
        x, width, length = rng.uniform(-street.road_m, street.road_m - 1), rng.uniform(0.5, 2), rng.uniform(0.6, 5)
        factor, is_zebra = rng.uniform(0.75, 1.25), rng.happens(0.12)
        if z + length < canvas.camera[2]:
            continue
        canvas.fill(slab((x, min(x + width, street.road_m)), (z, z + length)), scaled(street.road, factor), ROAD)
        if is_zebra:
            for step in range(int(2 * street.road_m)):
                left = step - street.road_m + 0.3
                canvas.fill(slab((left, left + 0.5), (z + 6, z + 9)), (220, 220, 214), ROAD)


def _draw_lots(canvas: Canvas, street: Street) -> None:
    until_m = canvas.camera[2] + VIEW_M
    _draw_end(canvas, street, until_m)
    lots = [lot for side in (-1, 1) for lot in lots_of(street, side, until_m) if lot.z + lot.length > canvas.camera[2]]
    for lot in lots:
        if street.light.sun == lot.side:
            reach = lot.side * max(street.house_m - lot.height * 0.8, -street.road_m)
            shadow = [(lot.side * street.house_m, lot.z), (lot.side * street.house_m, lot.z + lot.length)]
            shadow += [(reach, lot.z + lot.length + 2), (reach, lot.z + 2)]
            canvas.shade([(x, 0.0, z) for x, z in shadow], 0.45)
    for lot in sorted(lots, key=lambda lot: -lot.z):
        draw = _draw_hedge if lot.is_hedge else _draw_house
        draw(canvas, street, lot)


def _draw_end(canvas: Canvas, street: Street, z: float) -> None:
    rng = RandomStream(*street.key, "end", int(z // 40))
    x = -60.0
    while x < 60:
        width, is_tree = rng.uniform(4, 14), rng.happens(0.4)
        colour = tint(rng.choice(LEAVES if is_tree else WALLS), rng, 12)
        canvas.fill(wall(x, x + width, rng.uniform(4, 16), z), colour, TREE if is_tree else BUILDING)
        x += width


def _draw_house(canvas: Canvas, street: Street, lot: Lot) -> None:
    x, end = lot.side * street.house_m, lot.z + lot.length
    facing, along = (0.95, 0.72) if street.light.sun == -lot.side else (0.85, 0.8)
    back, top = x + lot.side * 12, lot.height
    if lot.roof:
        ridge = (x + lot.side * 6, top + 3.2)
        canvas.fill([(x, top, lot.z), (x, top, end), (*ridge, end), (*ridge, lot.z)], lot.roof, BUILDING)
        canvas.fill([(x, top, lot.z), (back, top, lot.z), (*ridge, lot.z)], scaled(lot.colour, along), BUILDING)
    canvas.fill(wall(x, back, top, lot.z), scaled(lot.colour, along), BUILDING)
    canvas.fill(side_wall(x, (0.0, lot.height), (lot.z, end)), scaled(lot.colour, facing), BUILDING)
    canvas.fill(side_wall(x, (0.0, 0.5), (lot.z, end)), scaled(lot.colour, facing * 0.75), BUILDING)
    if lot.z - canvas.camera[2] < 60:
        _draw_windows(canvas, street.light, lot, x)


def _draw_windows(canvas: Canvas, light: Light, lot: Lot, x: float) -> None:
    rng = RandomStream(lot.key, "windows")
    bay_m, floor_m, glass = rng.uniform(1.8, 3.2), rng.uniform(2.7, 3.4), rng.choice(GLASS)
    width, height = bay_m * rng.uniform(0.35, 0.65), floor_m * rng.uniform(0.4, 0.65)
    for floor in range(int(lot.height / floor_m)):
        for bay in range(int(lot.length / bay_m)):
            colour = LAMPLIGHT if rng.happens(light.lit) else scaled(glass, rng.uniform(0.8, 1.2))
            z, y = lot.z + (bay + 0.3) * bay_m, (floor + 0.3) * floor_m
            if z > canvas.camera[2] + 0.5:
                canvas.fill(side_wall(x, (y, y + height), (z, z + width)), colour, BUILDING)


def _draw_hedge(canvas: Canvas, street: Street, lot: Lot) -> None:
    x, end = lot.side * street.house_m, lot.z + lot.length
    canvas.fill(wall(x, x + lot.side * 9, lot.height, lot.z), scaled(lot.colour, 0.8), TREE)
    canvas.fill(side_wall(x, (0.0, lot.height), (lot.z, end)), lot.colour, TREE)
    rng = RandomStream(lot.key, "hedge")
    for step in range(int(lot.length / 1.5), -1, -1):
        z = lot.z + step * 1.5
        if z > canvas.camera[2] + 2:
            scale = canvas.scale_at(z)
            spot = canvas.project((x + lot.side * 0.4, lot.height * rng.uniform(0.6, 1.0), z))
            radius = rng.uniform(0.6, 1.3) * scale
            colour = canvas.hazed(tint(lot.colour, rng, 16), z - canvas.camera[2])
            canvas.fill_blob(spot, (radius, radius), colour, TREE, rng)


def _draw_objects(canvas: Canvas, street: Street, frame: int) -> None:
    until_m = canvas.camera[2] + 90
    objects = [item for side in (-1, 1) for item in objects_of(street, side, until_m)]
    objects += moving_cars(street, frame, canvas.camera[2])
    for item in sorted(objects, key=lambda item: -item.z):
        if item.z < canvas.camera[2] + 3.0:
            continue
        if item.kind == "tree":
            draw_tree(canvas, item, street.light.sun)
        elif item.kind == "pole":
            draw_pole(canvas, item)
        else:
            draw_car(canvas, item)


def _photograph(canvas: Canvas, light: Light, rng: RandomStream) -> tuple[np.ndarray, np.ndarray]:
    image, mask = canvas.finish()
    if rng.happens(0.3):
        image = soften(image)
    exposure, contrast, grain = rng.integer(232, 280), rng.integer(222, 274), rng.integer(5, 16)
    red, green, blue = (part * exposure >> 8 for part in light.gain)
    one, other = np.moveaxis(rng.bytes((*image.shape, 2)).astype(np.int32), 3, 0)
    return expose(image, (red, green, blue), contrast, (one + other - 255) * grain >> 8), mask
