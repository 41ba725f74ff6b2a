# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""What the ground, the house fronts and the sky look like, by day, by night and in the thermal."""
from dataclasses import dataclass

import numpy as np

from degfuse_ros.demo import street
from degfuse_ros.demo.light import layered_noise, linear, noise, reflected_sky, smooth_step
from degfuse_ros.demo.street import House

Array = np.ndarray

# Share of the windows that are lit at night.
LIT_WINDOWS = 0.3


@dataclass
class Surface:
    """Properties of N surface points, in the order in which they were asked for.

    Args:
        albedo: N x 3 linear reflectance.
        thermal: N apparent temperature in the shade, 0..1.
        mirror: N x 3 radiance reflected by glass, by day.
        glow: N x 3 radiance of lit windows and signs, by night.
    """

    albedo: np.ndarray
    thermal: np.ndarray
    mirror: np.ndarray
    glow: np.ndarray


def ground(x: np.ndarray, z: np.ndarray, focal: float) -> Surface:
    """Road, lane marks, kerbs and pavements at ground points x, z (metres, N)."""
    footprint = z ** 2 / (focal * 1.75)
    grain = layered_noise(x, z, footprint, 3, (0.4, 1.3, 4.0, 12.0, 40.0, 90.0))
    stains = noise(x * 0.5, z * 0.22, 9)
    tone = 0.125 * (1 + 0.32 * grain + 0.16 * stains)
    track = sum(np.exp(-((x - centre) / 0.32) ** 2) for centre in (-4.5, -2.8, -0.7, 1.0))
    tone = tone * (1 - 0.13 * track)
    crack = np.abs(noise(x * 0.45, z * 0.3, 31)
                   + 0.3 * noise(x * 3, z * 2, 32))
    tone = tone * (1 - 0.45 * (1 - smooth_step(crack, 0.012, 0.02)) / (1 + 40 * footprint))
    albedo = tone[:, None] * np.array([1.0, 0.985, 0.96], np.float32)
    thermal = 0.36 + 0.015 * grain + 0.035 * track + 0.012 * stains
    albedo, thermal = _marks(x, z, footprint, grain, albedo, thermal)
    albedo, thermal = _pavement(x, z, footprint, grain, albedo, thermal)
    nothing = np.zeros_like(albedo)
    return Surface(albedo.astype(np.float32), thermal.astype(np.float32), nothing, nothing)


def _marks(x: Array, z: Array, footprint: Array, grain: Array, albedo: Array, thermal: Array
           ) -> tuple[Array, Array]:
    """Paint lane marks, the zebra crossing and the stop line onto the road."""
    across = footprint * 0.15 + 0.015
    along = footprint + 0.02

    def band(value: Array, low: float, high: float, soft: Array | float) -> Array:
        return smooth_step(value, low, soft) * (1 - smooth_step(value, high, soft))

    dashes = np.mod(z - 15.0, 7.0)
    beyond = smooth_step(z, 14.5, 0.1) * (1 - smooth_step(z, street.STREET_END - 8, 0.1))
    paint = band(x, street.CENTRE_LINE - 0.07, street.CENTRE_LINE + 0.07, across) \
        * band(dashes, 0.0, 3.6, along) * beyond
    paint = np.maximum(paint, band(x, street.PARKING_LINE - 0.05, street.PARKING_LINE + 0.05,
                                   across) * beyond)
    paint = np.maximum(paint, band(z, *street.STOP_LINE, along) * band(x, -1.6, 2.0, across))
    stripes = np.mod(x - street.KERB_LEFT - 0.3, 1.05)
    paint = np.maximum(paint, band(stripes, 0.0, 0.52, across) * band(z, *street.ZEBRA, along)
                       * band(x, street.KERB_LEFT + 0.25, street.KERB_RIGHT - 0.35, across))
    worn = np.clip(0.86 + 0.5 * grain, 0.25, 1) * paint
    albedo = albedo * (1 - worn[:, None]) + worn[:, None] * np.array([0.62, 0.61, 0.58])
    return albedo, thermal - 0.035 * worn


def _pavement(x: Array, z: Array, footprint: Array, grain: Array, albedo: Array, thermal: Array
              ) -> tuple[Array, Array]:
    """Lay kerb stones and paving slabs beside the road; the side streets stay asphalt."""
    side = np.where(x < 0, street.KERB_LEFT - x, x - street.KERB_RIGHT)
    crossing = (((z > 41.5) & (z < 49.5) & (x < 0)) | ((z > 46.5) & (z < 53.5) & (x > 0))
                | (z > street.STREET_END - 4))
    walk = (side > 0) & ~crossing
    kerb = walk & (side < 0.22)
    slab = np.maximum(np.abs(np.mod(x, 0.6) - 0.3), np.abs(np.mod(z, 0.6) - 0.3))
    joint = smooth_step(slab, 0.285, 0.012) / (1 + 25 * footprint)
    tint = noise(np.floor(x / 0.6) * 1.7, np.floor(z / 0.6) * 1.3, 41)
    tone = 0.27 * (1 + 0.18 * grain + 0.07 * tint) * (1 - 0.4 * joint)
    stone = tone[:, None] * np.array([1.0, 0.95, 0.88])
    stone = np.where(kerb[:, None], 0.4 * (1 + 0.15 * grain[:, None]), stone)
    albedo = np.where(walk[:, None], stone, albedo)
    gutter = ((side < 0) & (side > -0.16) & ~crossing)[:, None]
    albedo = np.where(gutter, albedo * 0.55, albedo)
    return albedo, np.where(walk, 0.325 + 0.015 * grain - 0.03 * kerb, thermal)


def _wall(house: House, u: Array, v: Array, footprint: Array, seed: int) -> Array:
    """Albedo of the bare wall at N points (u along, v up, metres)."""
    rough = layered_noise(u, v, footprint, seed, (0.15, 0.6, 3.0, 15.0))
    streaks = noise(u * 2.2, v * 0.12, seed + 7)
    tone = 1 + 0.16 * rough + 0.07 * streaks
    albedo = linear(house.wall) * tone[:, None]
    if house.style == 'brick':
        row = np.floor(v / 0.09)
        brick = noise(np.floor(u / 0.25 + 0.5 * (row % 2)) * 1.9, row * 1.7,
                      seed + 8)
        course = smooth_step(np.abs(np.mod(v, 0.09) - 0.045), 0.036, 0.006)
        detail = 1 / (1 + (footprint / 0.05) ** 2)
        albedo = albedo * (1 + (0.25 * brick * detail + 0.3 * course * detail)[:, None])
    return np.clip(albedo, 0.02, 0.85)


def _openings(house: House, u: Array, v: Array, footprint: Array) -> tuple[Array, ...]:
    """Return (glass, frame, opening number u, opening number v, place in it) of the windows."""
    base = 3.8 if house.shop else 0.9
    floor = np.floor((v - base) / house.floor)
    column = np.floor(u / house.spacing)
    across = (u / house.spacing - column - 0.5) * house.spacing
    up = v - base - floor * house.floor
    half = house.spacing * (0.42 if house.style == 'office' else 0.24)
    low, high = (0.45, house.floor - 0.35) if house.style == 'office' else (0.55, 2.25)
    soft = footprint + 0.01
    top = base + np.floor((house.height - 0.7 - base) / house.floor) * house.floor

    def box(margin: float) -> Array:
        inside = smooth_step(half + margin - np.abs(across), 0, soft)
        inside = inside * smooth_step(up, low - margin, soft)
        return inside * (1 - smooth_step(up, high + margin, soft)) * (v > base) * (v < top)

    frame = box(0.1)
    bar = np.exp(-(across / 0.035) ** 2) + np.exp(-((up - (low + high) / 2) / 0.035) ** 2)
    glass = box(-0.02) * (1 - np.clip(bar, 0, 1) / (1 + (footprint / 0.06) ** 2))
    return glass, frame, column, floor, up - low


def front(house: House, u: np.ndarray, v: np.ndarray, slope: np.ndarray,
          footprint: np.ndarray, seed: int) -> Surface:
    """A house front at N points: u metres along it, v metres above the ground.

    Args:
        house: which one.
        u: metres along the front, N.
        v: metres above the ground, N.
        slope: upward slope of the viewing ray, for what the glass reflects, N.
        footprint: metres of wall per pixel, N.
        seed: noise of this house.
    """
    albedo = _wall(house, u, v, footprint, seed)
    glass, frame, column, floor, height = _openings(house, u, v, footprint)
    thermal = 0.30 + 0.012 * noise(u * 0.7, v * 0.7, seed)
    trim = np.clip(linear('d8d2c4') * (0.75 if house.style == 'brick' else 1.0), 0, 1)
    albedo = albedo * (1 - frame[:, None]) + trim * frame[:, None]
    ledge = smooth_step(0.11 - np.abs(v - house.height + 0.3), 0, footprint + 0.02)
    albedo = albedo * (1 + 0.5 * ledge[:, None])
    # The reveal above a pane lies in its own shade.
    albedo = albedo * (1 - 0.35 * (frame * (height > 1.6))[:, None])
    chance = noise(column * 1.37 + seed, floor * 1.71, seed + 3)
    blind = (noise(column * 2.3, floor * 1.1, seed + 4) > 0.25) * 0.8
    pane = np.where(height[:, None] > 0.9, blind[:, None] * 0.34, 0) + linear('20262c')
    albedo = albedo * (1 - glass[:, None]) + pane * glass[:, None]
    mirror = reflected_sky(slope + 0.25 + 0.25 * chance) * (0.30 * glass)[:, None]
    lit = (chance > 1 - 2 * LIT_WINDOWS) * glass
    glow = lit[:, None] * np.array([0.55, 0.36, 0.15]) * (0.5 + 0.5 * (height > 0.6))[:, None]
    thermal = thermal - 0.10 * glass + 0.05 * frame + 0.04 * lit
    surface = Surface(albedo, thermal, mirror, glow)
    return _shop_front(house, u, v, footprint, seed, surface) if house.shop else surface


def _shop_front(house: House, u: Array, v: Array, footprint: Array, seed: int,
                surface: Surface) -> Surface:
    """Put shop windows, a sign board and an awning on the ground floor."""
    width = house.spacing * 1.9
    shop = np.floor(u / width)
    across = u - shop * width
    soft = footprint + 0.015
    pane = smooth_step(across, 0.25, soft) * (1 - smooth_step(across, width - 0.25, soft))
    pane = pane * smooth_step(v, 0.45, soft) * (1 - smooth_step(v, 2.55, soft))
    board = smooth_step(v, 2.75, soft) * (1 - smooth_step(v, 3.45, soft))
    colours = np.stack([linear(c) for c in ('7d2f2a', '2f4f63', '3d5a3c', 'c2b280', '564a6b')])
    sign = colours[(shop.astype(int) * 3 + seed) % len(colours)]
    letters = (noise(u * 5.0, np.full_like(u, seed * 1.0), seed + 5) > 0.05) \
        * (np.abs(v - 3.1) < 0.17) * (np.abs(across - width / 2) < width * 0.32)
    sign = np.where(letters[:, None] > 0, linear('e8e2d0'), sign)
    inside, bright = _display(across / width, u, v, seed)

    def lay(old: Array, new: Array, share: Array) -> Array:
        return old * (1 - share[:, None]) + new * share[:, None]

    albedo = lay(lay(surface.albedo, inside, pane), sign, board)
    shown = (noise(shop * 1.9, shop * 0.7, seed + 9) > -0.2) * pane
    glow = surface.glow + (shown * bright)[:, None] * np.array([0.60, 0.48, 0.31])
    passing = pane * (0.6 + 0.4 * np.sin(u * 1.3 + v))
    mirror = surface.mirror + passing[:, None] * np.array([0.05, 0.06, 0.07])
    return Surface(albedo, surface.thermal - 0.05 * pane + 0.03 * board, mirror, glow)


def _display(share: Array, u: Array, v: Array, seed: int) -> tuple[Array, Array]:
    """Return the albedo of what stands behind a shop window and how bright it is at night."""
    shelf = np.floor(v / 0.42)
    item = np.floor(u / 0.33 + 0.37 * shelf)
    kind = noise(item * 1.7, shelf * 1.3, seed + 6)
    tall = np.mod(v, 0.42) < 0.30 + 0.1 * noise(item * 2.9, shelf * 2.1, seed + 10)
    goods = tall & (kind > -0.3) & (v < 1.75) & (np.mod(u, 0.33) > 0.04)
    shades = np.stack([linear(c) for c in ('6e4b32', '8b8a80', '40566b', '7a3b34', '9a8550')])
    colour = shades[(np.abs(kind) * 37).astype(int) % 5] * 0.55
    back = 0.035 + 0.03 * noise(u * 0.8, v * 0.8, seed + 12)
    inside = np.where(goods[:, None], colour, back[:, None])
    bars = (np.abs(share - 0.5) < 0.012) | (np.abs(v - 2.05) < 0.03)
    inside = np.where(bars[:, None], 0.16, inside)
    return inside, np.where(bars, 0.03, 0.10 + 0.14 * np.clip(v, 0, 2.6) + 5 * inside.mean(axis=1))


def sky(across: np.ndarray, up: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Radiance (N x 3) and apparent temperature (N) of the sky for ray slopes."""
    height = np.clip(up, 0.0, 1)
    layer = 1 / (height + 0.16)
    cloud = layered_noise(across * layer * 1.1, layer * 1.6, 0.0, 61,
                          (0.5, 1.0, 2.1, 4.3, 8.7))
    cloud = smooth_step(cloud, 0.12, 0.75)
    blend = np.clip(height / 0.55, 0, 1)[:, None]
    blue = (1 - blend) * np.array([0.50, 0.60, 0.70]) + blend * np.array([0.19, 0.34, 0.58])
    white = np.array([0.72, 0.71, 0.70]) * (0.82 + 0.18 * noise(across * 6,
                                                               layer * 5, 66)[:, None])
    radiance = blue * (1 - 0.8 * cloud[:, None]) + 0.8 * cloud[:, None] * white
    thermal = 0.05 + 0.09 * np.exp(-height * 7) + 0.035 * cloud
    return radiance.astype(np.float32), thermal.astype(np.float32)
