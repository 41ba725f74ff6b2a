# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Who moves through the built-in street, and when: everything repeats every half minute."""
from degfuse_ros.demo.path import Path
from degfuse_ros.demo.people import Person
from degfuse_ros.demo.shell import build_shell
from degfuse_ros.demo.vehicle import Vehicle

# People cross every 12 s; a car that waits for them gets its turn in between.
CROSSING_PERIOD = 12.0
TRAFFIC_PERIOD = 24.0


def people() -> list[tuple[Person, Path]]:
    """Return every person with the way that he or she walks."""
    return [
        (Person('2f4a6d', '2a2b30', seed=1), Path(
            ((-12, 9.6), (9, 9.9)), 1.45, 9.0, CROSSING_PERIOD * 2)),
        (Person('a33b32', '39404d', skin='8d5f45', hair='1d1815', height=1.68, bag=True, seed=2),
         Path(((9, 11.7), (-12, 11.3)), 1.35, 11.0, CROSSING_PERIOD * 2)),
        (Person('c7c2b5', '4a4238', skin='d7a98b', hair='6b4a2a', height=1.63, seed=3), Path(
            ((9, 10.6), (-12, 10.9)), 1.55, 21.0, CROSSING_PERIOD * 2)),
        (Person('4f5a3c', '30353f', height=1.83, seed=4), Path(
            ((-12, 11.9), (9, 12.1)), 1.5, 22.5, CROSSING_PERIOD * 2)),
        (Person('3a3a42', '23252b', skin='a87554', seed=5), Path(
            ((-7.4, 9.5), (-7.0, 42.5), (-14, 45.0)), 1.3, 0.0, 36.0)),
        (Person('b07c3a', '2d3442', height=1.70, bag=True, seed=6), Path(
            ((14, 49.0), (6.3, 46.5), (6.1, 7.0)), 1.35, -12.0, 40.0)),
        (Person('77506b', '33343a', hair='8a6a3f', height=1.66, seed=7), Path(
            ((5.6, 9.0), (6.4, 47.0), (14, 49.5)), 1.25, -8.0, 42.0)),
        (Person('54707a', '3d3a36', seed=8), Path(
            ((-14, 46.0), (-6.9, 42.0), (-7.2, 9.0)), 1.4, -16.0, 38.0)),
    ]


def vehicles() -> list[tuple[Vehicle, Path]]:
    """Return every moving vehicle with its way."""
    car, van = build_shell('car'), build_shell('van')
    left, right = -3.6, 0.1
    return [
        (Vehicle(car, '9b1f1c'), Path(
            ((30, 115.5), (left, 113), (left, -4)), 10.0, 0.0, TRAFFIC_PERIOD,
            pause=(129.0, 6.0))),
        (Vehicle(van, 'd9dadb'), Path(
            ((30, 115.5), (left, 113), (left, -4)), 9.0, 13.0, TRAFFIC_PERIOD)),
        (Vehicle(car, '2b3f63'), Path(
            ((-30, 45.5), (right, 45.8), (right, 114), (-30, 116)), 8.0, 1.0, TRAFFIC_PERIOD)),
        (Vehicle(car, 'a7abb0'), Path(
            ((30, 50.0), (right, 50.5), (right, 114), (30, 116)), 8.5, 12.0, TRAFFIC_PERIOD)),
    ]


def parked() -> list[tuple[Vehicle, tuple[float, float, float]]]:
    """Return the vehicles that stand still, with (x, z, heading), the farthest first."""
    car, van = build_shell('car'), build_shell('van')
    return [(Vehicle(car, '3b3f42', running=False), (3.05, 72.0, 0.0)),
            (Vehicle(van, '35536b', running=False), (3.05, 38.0, 0.0)),
            (Vehicle(car, 'c9c4b8', running=False), (3.05, 24.5, 0.01)),
            (Vehicle(car, '5c6b57', running=False), (3.1, 17.6, -0.02))]
