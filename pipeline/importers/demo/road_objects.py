"""Drawing of the objects between the camera and the houses: trees, poles and cars."""

import math

from pipeline.importers.demo.canvas import BLOB, VOID, Canvas, scaled, side_wall, slab, wall
from pipeline.importers.demo.layout import CAR, TREE, RoadObject, tint
from pipeline.importers.demo.random_stream import RandomStream


def draw_tree(canvas: Canvas, tree: RoadObject, sun: int) -> None:
    """A trunk and a crown of uneven leaves, with its shadow where the sun is on one side (-1 left, 1 right)."""
    rng, scale = RandomStream(tree.key, "tree"), canvas.scale_at(tree.z)
    if sun:
        shadow_x = tree.x - sun * 2.5
        canvas.shade([(shadow_x + x * 2 * tree.size, 0.0, tree.z + z * tree.size) for x, z in BLOB], 0.4)
    trunk = tint((88, 70, 56), rng, 16)
    canvas.fill(wall(tree.x - 0.16, tree.x + 0.16, tree.height + tree.size, tree.z), trunk, TREE)
    middle = canvas.project((tree.x, tree.height + tree.size * 0.8, tree.z))
    for _ in range(rng.integer(7, 11)):
        spot = (middle[0] + rng.uniform(-0.8, 0.8) * tree.size * scale, middle[1])
        spot = (spot[0], spot[1] + rng.uniform(-0.9, 0.6) * tree.size * scale)
        radius = tree.size * scale * rng.uniform(0.4, 0.75)
        colour = canvas.hazed(tint(tree.colour, rng, 22), tree.z - canvas.camera[2])
        canvas.fill_blob(spot, (radius, radius), colour, TREE, rng)


def draw_pole(canvas: Canvas, pole: RoadObject) -> None:
    """A pole with a lamp's arm, a sign or nothing; void, because it belongs to no class."""
    half, rng = pole.size / 2, RandomStream(pole.key, "pole")
    canvas.fill(wall(pole.x - half, pole.x + half, pole.height, pole.z), pole.colour, VOID)
    if pole.height > 5.5:
        arm = (pole.x, pole.x - math.copysign(1.4, pole.x))
        canvas.fill(wall(min(arm), max(arm), pole.height, pole.z, pole.height - 0.14), pole.colour, VOID)
    elif rng.happens(0.6):
        paint = rng.choice(((200, 40, 40), (40, 80, 170), (230, 230, 230), (228, 190, 40)))
        canvas.fill(wall(pole.x - 0.35, pole.x + 0.35, pole.height, pole.z, pole.height - 0.7), paint, VOID)


def draw_car(canvas: Canvas, car: RoadObject) -> None:
    """A body and a cabin on wheels: first the side that is seen, then the end that faces the camera."""
    rng, near, far = RandomStream(car.key, "car"), car.z, car.z + car.size
    left, right = car.x - 0.9, car.x + 0.9
    canvas.shade([(left - 0.1, 0.0, near), (right + 0.1, 0.0, near), (right + 0.1, 0.0, far), (left, 0.0, far)], 0.6)
    seen = left if canvas.camera[0] < left else right
    waist, glass = car.height * 0.58, scaled((46, 54, 66), rng.uniform(0.8, 1.6))
    for z in (far - 0.8, near + 0.8):
        canvas.fill([(seen, 0.33 + y * 0.33, z + x * 0.33) for x, y in BLOB], (26, 26, 28), CAR)
    canvas.fill(side_wall(seen, (0.3, waist), (near, far)), scaled(car.colour, 0.82), CAR)
    canvas.fill(slab((left, right), (near, far), waist), scaled(car.colour, 1.1), CAR)
    inner = (left + 0.12, right - 0.12)
    cabin = (near + 0.35, far - 1.1)
    pane = inner[0] if seen == left else inner[1]
    canvas.fill(side_wall(pane, (waist, car.height), cabin), glass, CAR)
    canvas.fill(wall(*inner, car.height, cabin[0], waist), glass, CAR)
    canvas.fill(wall(*inner, car.height, cabin[0], car.height - 0.12), car.colour, CAR)
    canvas.fill(wall(left, right, waist, near, 0.3), car.colour, CAR)
    canvas.fill(wall(left, right, 0.42, near, 0.22), (36, 36, 38), CAR)
    lamp = (206, 36, 32) if car.x * canvas.camera[0] > 0 else (250, 246, 220)
    for x in (left + 0.08, right - 0.38):
        canvas.fill(wall(x, x + 0.3, waist - 0.08, near, waist - 0.28), lamp, CAR)
