# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""What the node counted, at one moment."""

from dataclasses import dataclass, field

from degfuse_ros.camera.time_offset import OffsetEstimate


@dataclass(frozen=True)
class TopicSnapshot:
    """One input topic.

    Attributes:
        arrived: images since activation, good and bad.
        accepted: images that went into pairing.
        rate: images per second in the last period.
        silent_for: seconds since the last image, or since activation.
        useless_for: the same since the last one that went into pairing or was published alone, or
            since those in pairs could not be used.
        last_stamp: of the last accepted image, in nanoseconds.
    """

    arrived: int = 0
    accepted: int = 0
    rate: float = 0.0
    silent_for: float = 0.0
    useless_for: float = 0.0
    last_stamp: int | None = None


@dataclass(frozen=True)
class RegistrationSnapshot:
    """How well the two cameras' edges agree, in bits per pixel above chance.

    Attributes:
        score: mean of the last pairs.
        usual: what it is compared with.
        drifted: the score lies well below the usual one.
    """

    score: float
    usual: float
    drifted: bool


@dataclass(frozen=True)
class Snapshot:
    """The node. Counts since activation; lists and rates of the last period.

    Attributes:
        visible: the visible input topic.
        thermal: the thermal input topic.
        pairs: pairs found.
        since_pair: seconds since the last pair, or since activation.
        pair_rate: pairs per second.
        output_rate: fused images per second.
        last_offset: visible minus thermal stamp of the last pair, in nanoseconds.
        offsets: of the period's pairs, in nanoseconds.
        smallest_offset: seen since the last pair among images not paired, in nanoseconds.
        drops: by kind.
        new_drops: by kind, those of the period: how many, and the last reason.
        time_jumps: jumps of the stamps back in time.
        new_jumps: those of the period, by input: 'visible' or 'thermal'.
        latencies: visible stamp to publication, in seconds.
        engine_times: in seconds.
        engine_cpu: processor time of the fusion thread inside the engine, in seconds.
        batches: of the period's fused images: how many pairs the engine's call took.
        busy_for: seconds since the worker began with the pair at hand; 0 where it waits for one.
        label: the last degradation found; empty before the first.
        failures: inferences failed since the last success.
        failure: why the last one failed.
        failing: True where these are too many to be chance.
        notices: lines about topics, by topic.
        ahead: by how many nanoseconds stamps are ahead of the node's clock, by input; only those
            that are by far.
        estimate: what motion says of the offset of the stamps; None where it does not tell.
        frozen: whether the thermal images are all the same.
        alone: images published alone because the other camera was gone or no use, by input.
        registration: how well the cameras agree; None before the first pair.
    """

    visible: TopicSnapshot
    thermal: TopicSnapshot
    pairs: int
    since_pair: float
    pair_rate: float
    output_rate: float
    last_offset: int | None
    offsets: list[int]
    smallest_offset: int | None
    drops: dict[str, int]
    new_drops: dict[str, tuple[int, str]]
    time_jumps: int
    new_jumps: dict[str, int]
    latencies: list[float]
    engine_times: list[float]
    engine_cpu: list[float]
    batches: list[int]
    busy_for: float
    label: str
    failures: int
    failure: str
    failing: bool
    notices: dict[str, str]
    ahead: dict[str, int] = field(default_factory=dict)
    estimate: OffsetEstimate | None = None
    frozen: bool = False
    alone: dict[str, int] = field(default_factory=dict)
    registration: RegistrationSnapshot | None = None
