"""Procedural scenes: a few coloured shapes on a textured ground, each with its caption.

Scene number n of a seed depends on nothing but (seed, n, size), so a release of any length can be drawn in
any order and by any number of processes, and every subject of a simulated release sees the same pictures.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

COLOURS = {
    "red": (0.85, 0.10, 0.10),
    "green": (0.10, 0.65, 0.20),
    "blue": (0.10, 0.25, 0.85),
    "yellow": (0.95, 0.85, 0.10),
    "orange": (0.95, 0.50, 0.05),
    "purple": (0.55, 0.15, 0.65),
    "white": (0.97, 0.97, 0.97),
    "black": (0.03, 0.03, 0.03),
}
GROUNDS = {
    "grey": (0.50, 0.50, 0.50),
    "brown": (0.45, 0.33, 0.22),
    "teal": (0.25, 0.48, 0.48),
    "pink": (0.75, 0.55, 0.60),
}
MOST_SHAPES = 3
"""The largest number of shapes in one scene."""
RADII, LARGE = (0.14, 0.30), (0.20, 0.30)
"""How large a shape is, in picture widths; in a simple scene."""
CONTRAST = 0.14
"""How far a ground's texture departs from the ground's colour, of a full range of 1."""


@dataclass(frozen=True)
class Scene:
    """One picture and what can be seen in it.

    Attributes
    ----------
    picture : ndarray
        (y, x, channel) uint8, red, green and blue.
    caption : str
        Shapes and colours in words.
    """

    picture: NDArray[np.uint8]
    caption: str


def draw_scene(seed: int, number: int, size: int = 64, *, simple: bool = False) -> Scene:
    """Draw scene `number` of a seed.

    Parameters
    ----------
    seed, number : int
        Both 0 or more; together they say what the scene holds.
    size : int
        Height and width in pixels, at least 8.
    simple : bool
        Whether there is one shape alone, large and upright: its words and its place say all of it.

    Returns
    -------
    Scene
        The picture and its caption.
    """
    if size < 8:
        raise ValueError(
            f"a scene of {size} x {size} pixels is too small to hold a shape: use a size of at least 8"
        )
    rng = np.random.default_rng([seed, number])
    y, x = (np.mgrid[:size, :size] + 0.5) / size
    canvas, ground = _ground(rng, y, x)
    count = 1 if simple else rng.integers(1, MOST_SHAPES + 1)
    named = [_paint_shape(rng, canvas, y, x, simple=simple) for _ in range(count)]
    picture = np.rint(255 * np.clip(canvas, 0, 1)).astype(np.uint8)
    return Scene(picture, f"{_list_words(named)} on {ground}")


def draw_scenes(seed: int, count: int, size: int = 64) -> tuple[NDArray[np.uint8], list[str]]:
    """Draw the first `count` scenes of a seed.

    Parameters
    ----------
    seed : int
        Which sequence of scenes.
    count : int
        How many.
    size : int
        Height and width in pixels, at least 8.

    Returns
    -------
    pictures : ndarray
        (image, y, x, channel) uint8.
    captions : list of str
        One a picture.
    """
    pictures = np.empty((count, size, size, 3), np.uint8)
    captions = []
    for number in range(count):
        scene = draw_scene(seed, number, size)
        pictures[number] = scene.picture
        captions.append(scene.caption)
    return pictures, captions


def _ground(rng: np.random.Generator, y: Floats, x: Floats) -> tuple[Floats, str]:
    """Return a textured ground (y, x, channel) in [0, 1], and its name."""
    colour = str(rng.choice(list(GROUNDS)))
    texture = str(rng.choice(list(TEXTURES)))
    wave = TEXTURES[texture](rng, y, x)
    light = rng.uniform(0.75, 1.25)
    return light * np.array(GROUNDS[colour]) + CONTRAST * wave[..., None], f"a {texture} {colour} ground"


def _striped(rng: np.random.Generator, y: Floats, x: Floats) -> Floats:
    """Return a sine grating."""
    angle, cycles = rng.uniform(0, np.pi), rng.uniform(3, 8)
    along = np.cos(angle) * x + np.sin(angle) * y
    return np.asarray(np.sin(2 * np.pi * cycles * along + rng.uniform(0, 2 * np.pi)))


def _checked(rng: np.random.Generator, y: Floats, x: Floats) -> Floats:
    """Return a chessboard."""
    cycles, shift = rng.uniform(2, 5), rng.uniform(0, 1, 2)
    odd = np.floor(2 * (cycles * x + shift[0])) + np.floor(2 * (cycles * y + shift[1]))
    return np.asarray(1.0 - 2.0 * (odd % 2))


def _dotted(rng: np.random.Generator, y: Floats, x: Floats) -> Floats:
    """Return light dots on a square lattice."""
    cycles, shift = rng.uniform(3, 6), rng.uniform(0, 1, 2)
    from_dot = np.hypot((cycles * x + shift[0]) % 1 - 0.5, (cycles * y + shift[1]) % 1 - 0.5)
    return np.asarray(np.clip(6 * (0.3 - from_dot), -1, 1))


def _cloudy(rng: np.random.Generator, y: Floats, x: Floats) -> Floats:
    """Return a sum of slow waves in random directions."""
    waves = [
        np.cos(2 * np.pi * (fx * x + fy * y) + phase)
        for fx, fy, phase in rng.uniform((-2.5, -2.5, 0), (2.5, 2.5, 2 * np.pi), (5, 3))
    ]
    return np.asarray(np.sum(waves, axis=0) / 2.5)


TEXTURES: dict[str, Callable[[np.random.Generator, Floats, Floats], Floats]] = {
    "striped": _striped,
    "checked": _checked,
    "dotted": _dotted,
    "cloudy": _cloudy,
}


def _paint_shape(rng: np.random.Generator, canvas: Floats, y: Floats, x: Floats, *, simple: bool) -> str:
    """Paint one random shape onto (y, x, channel), in place, and return its name."""
    shape, colour = str(rng.choice(list(SHAPES))), str(rng.choice(list(COLOURS)))
    radius, angle = rng.uniform(*(LARGE if simple else RADII)), rng.uniform(0, 0 if simple else 2 * np.pi)
    centre_y, centre_x = rng.uniform(0.2, 0.8, 2)
    right, down = (x - centre_x) / radius, (y - centre_y) / radius
    u = np.cos(angle) * right + np.sin(angle) * down
    v = np.cos(angle) * down - np.sin(angle) * right
    # The depth inside the shape in pixels, cut to one pixel, is an antialiased edge.
    cover = np.clip(SHAPES[shape](u, v) * radius * len(y) + 0.5, 0, 1)[..., None]
    canvas *= 1 - cover
    canvas += cover * np.array(COLOURS[colour])
    return f"{'an' if colour[0] in 'aeiou' else 'a'} {colour} {shape}"


def _circle(u: Floats, v: Floats) -> Floats:
    """Return the depth inside a circle of radius 1."""
    return np.asarray(1 - np.hypot(u, v))


def _square(u: Floats, v: Floats) -> Floats:
    """Return the depth inside a square of half-width 0.85."""
    return np.asarray(0.85 - np.maximum(np.abs(u), np.abs(v)))


def _triangle(u: Floats, v: Floats) -> Floats:
    """Return the depth inside an equilateral triangle of circumradius 1.1."""
    edges = [np.cos(turn) * u + np.sin(turn) * v for turn in (np.pi / 2, np.pi * 7 / 6, np.pi * 11 / 6)]
    return np.asarray(0.55 - np.max(edges, axis=0))


def _cross(u: Floats, v: Floats) -> Floats:
    """Return the depth inside a cross of arm length 1 and half-width 0.33."""
    wide, tall = (np.minimum(0.33 - np.abs(a), 1 - np.abs(b)) for a, b in ((v, u), (u, v)))
    return np.asarray(np.maximum(wide, tall))


SHAPES: dict[str, Callable[[Floats, Floats], Floats]] = {
    "circle": _circle,
    "square": _square,
    "triangle": _triangle,
    "cross": _cross,
}


def _list_words(items: list[str]) -> str:
    """Join as English does: "a, b and c"."""
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}"
