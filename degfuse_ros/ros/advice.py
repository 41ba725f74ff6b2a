# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Turn a snapshot into advice: what is wrong and which parameter to change. Nothing of ROS."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from degfuse_ros.ros.matcher import OTHER
from degfuse_ros.ros.snapshot import Snapshot, TopicSnapshot

OK, WARN, ERROR = 0, 1, 2

# Cameras on one clock drift apart by exposure and transfer, tenths of a second at most: beyond
# this the clocks themselves differ and no slop can help.
CLOCKS_DIFFER = 1_000_000_000

# A pair in the engine for this many seconds is told of: several times what a CPU takes for the
# largest image of any use, and early enough to be seen before somebody pulls the plug.
STALLED_AFTER = 5.0


# Beyond this ratio of the rates, pairs of exact_once leave out a third of the faster camera's
# images or more.
MUCH_FASTER = 1.5

# The parameters that advice depends on.
ADVISED = ('lost_after', 'lost_camera', 'pairing', 'sync_slop', 'sync_queue_size',
           'thermal_max_age', 'thermal_time_offset')


@dataclass(frozen=True)
class Advice:
    """One thing that is wrong.

    Attributes:
        kind: one word; advice of the same kind is logged at most every few seconds.
        level: WARN or ERROR.
        text: one line: what happened, what was got, what to do.
        logged: True where the log has it already.
    """

    kind: str
    level: int
    text: str
    logged: bool = False


@dataclass(frozen=True)
class Topics:
    """The two input topics: full names, how many publishers each has now, and whose they are."""

    visible: str
    thermal: str
    visible_publishers: int
    thermal_publishers: int
    rig: str = ''


def advise(snapshot: Snapshot, topics: Topics, values: Mapping[str, Any]) -> list[Advice]:
    """List everything that is wrong, worst first; empty where all is well.

    Args:
        snapshot: the newest one.
        topics: names and publishers of the inputs.
        values: the parameters of ADVISED by name.
    """
    found = [*_failures(snapshot), *_silence(snapshot, topics, values),
             *_no_pairs(snapshot, topics, values), *_stamps(snapshot, topics),
             *_offset(snapshot, values), *_drops(snapshot, topics), *_drift(snapshot)]
    found += [Advice(f'notice {topic}', WARN, text) for topic, text in snapshot.notices.items()]
    return sorted(found, key=lambda advice: advice.level, reverse=True)


def _failures(snapshot: Snapshot) -> Iterator[Advice]:
    if snapshot.busy_for > STALLED_AFTER:
        yield Advice('stalled', ERROR, f'a pair has been in the engine for {snapshot.busy_for:.1f}'
                     ' s and nothing comes out. Use smaller images, a smaller model or a faster '
                     'device; where the device hangs, restart the node')
    if snapshot.failing:
        yield Advice('inference', ERROR, f'the last {snapshot.failures} inferences failed: '
                     f'{snapshot.failure}. If it stays so, clean up and configure the node again, '
                     'on another device or with another model, or restart it')
    elif snapshot.failures:
        yield Advice('inference', WARN, f'an inference failed: {snapshot.failure}')


def _silence(snapshot: Snapshot, topics: Topics, values: Mapping[str, Any]) -> Iterator[Advice]:
    """Say which camera is gone, and what is published meanwhile."""
    lost_after = values['lost_after']
    visible_lost = snapshot.visible.useless_for > lost_after
    thermal_lost = snapshot.thermal.useless_for > lost_after
    both = visible_lost and (thermal_lost or snapshot.frozen)
    level = ERROR if both else WARN
    nothing = both or values['lost_camera'] == 'silent'
    meanwhile = {name: '; nothing is published until then' if nothing else
                 f'; until then the {name} image is published alone' for name in OTHER}
    if visible_lost:
        yield Advice('visible silent', level, _silent(
            'visible', topics.visible, topics.visible_publishers, snapshot.visible, topics.rig,
            lost_after) + meanwhile['thermal'])
    if thermal_lost:
        yield Advice('thermal silent', level, _silent(
            'thermal', topics.thermal, topics.thermal_publishers, snapshot.thermal, topics.rig,
            lost_after) + meanwhile['visible'])
    elif snapshot.frozen:
        yield Advice('thermal frozen', level, f'the images of {topics.thermal} are all the same. '
                     'Check the thermal camera: its shutter, or its driver, is stuck'
                     + meanwhile['visible'])


def _silent(name: str, topic: str, publishers: int, seen: TopicSnapshot, rig: str,
            lost_after: float) -> str:
    if publishers == 0:
        argument = f'{rig}.{name}' if rig else name
        return (f'no publisher on {topic}. Start the {name} camera, or name its topic by the '
                f'launch argument {argument}:=TOPIC')
    if seen.silent_for > lost_after:
        return (f'{topic} is silent for {seen.silent_for:.1f} s. Got {seen.arrived} images from '
                f'{publishers} publisher(s) before, last stamp {_seconds(seen.last_stamp)}. '
                f'Check the {name} camera')
    return (f'no image of {topic} could be used for {seen.useless_for:.1f} s, {seen.arrived} have '
            f'come in all; what is wrong with them is told beside this. Check the {name} camera')


def _no_pairs(snapshot: Snapshot, topics: Topics, values: Mapping[str, Any]) -> Iterator[Advice]:
    lost_after = values['lost_after']
    both_arrive = (max(snapshot.visible.silent_for, snapshot.thermal.silent_for) <= lost_after
                   and snapshot.visible.accepted and snapshot.thermal.accepted)
    offset = snapshot.smallest_offset
    if not both_arrive or snapshot.since_pair <= lost_after or offset is None:
        return
    yield Advice(
        'no pairs', ERROR, f'no pairs for {snapshot.since_pair:.1f} s though both topics arrive, '
        f'so nothing is published. Got {snapshot.visible.accepted} images of {topics.visible}, '
        f'last stamp {_seconds(snapshot.visible.last_stamp)}, and {snapshot.thermal.accepted} of '
        f'{topics.thermal}, last stamp {_seconds(snapshot.thermal.last_stamp)}; smallest offset '
        f'(visible minus thermal) {offset / 1e9:.3f} s. {_remedy(snapshot, offset, values)}')


def _remedy(snapshot: Snapshot, offset: int, values: Mapping[str, Any]) -> str:
    """Say which parameter makes images pair whose stamps differ by `offset` nanoseconds."""
    slop = values['sync_slop']
    if abs(offset) < slop * 1e9:
        return f'Raise sync_queue_size above {values["sync_queue_size"]}'
    shift = f'set thermal_time_offset to {values["thermal_time_offset"] + offset / 1e9:.3f}'
    if abs(offset) >= CLOCKS_DIFFER:
        return (f'The clocks differ by more than sync_slop ({slop}) can bridge: synchronise the '
                f'cameras to one clock, or {shift} where the difference stays')
    slow = snapshot.visible.rate > MUCH_FASTER * snapshot.thermal.rate
    if slow and values['pairing'] != 'nearest' and 0 < offset < values['thermal_max_age'] * 1e9:
        return (f'The thermal camera is slower ({snapshot.thermal.rate:.1f} Hz against '
                f'{snapshot.visible.rate:.1f} Hz): set pairing to nearest')
    return (f'Raise sync_slop above {abs(offset) / 1e9:.3f} (now {slop}) or trigger both cameras '
            f'together; where such images show the same moment, {shift}')


def _stamps(snapshot: Snapshot, topics: Topics) -> Iterator[Advice]:
    """Advise where stamps go back repeatedly (once is a bag that begins anew) or are ahead."""
    for name, topic in (('visible', topics.visible), ('thermal', topics.thermal)):
        count = snapshot.new_jumps.get(name, 0)
        if count > 1:
            yield Advice(f'jumps {name}', WARN, f'stamps of {topic} went back {count} times; two '
                         'publishers on it, or clocks that differ? See '
                         f'`ros2 topic info --verbose {topic}`')
        if name in snapshot.ahead:
            yield Advice(f'ahead {name}', WARN, f'stamps of {topic} are '
                         f'{snapshot.ahead[name] / 1e9:.1f} s ahead of the clock of this node. '
                         "Synchronise the camera's clock; for a bag, play it with --clock and "
                         'set use_sim_time to true')


def _offset(snapshot: Snapshot, values: Mapping[str, Any]) -> Iterator[Advice]:
    """Advise where motion in both streams contradicts the offset that is set."""
    estimate, present = snapshot.estimate, values['thermal_time_offset']
    if estimate is None or abs(estimate.offset - present) <= max(
            values['sync_slop'], estimate.spread):
        return
    yield Advice(
        'offset', WARN, 'pairs are of different moments: motion in both streams says that '
        f'thermal_time_offset is {estimate.offset:.3f}, and it is {present:.3f} (correlation '
        f'{estimate.correlation:.2f}, within {estimate.spread:.3f} s). If so it stays, set '
        f'thermal_time_offset to {estimate.offset:.3f}')


def _drops(snapshot: Snapshot, topics: Topics) -> Iterator[Advice]:
    names = {'visible': topics.visible, 'thermal': topics.thermal}
    for kind, (count, reason) in snapshot.new_drops.items():
        if reason:
            source, _, why = kind.partition('.')
            what = f'images of {names[source]} ({why})' if source in names else f'pairs ({kind})'
            yield Advice(f'drop {kind}', WARN, f'dropped {count} {what}: {reason}')


def _drift(snapshot: Snapshot) -> Iterator[Advice]:
    registration = snapshot.registration
    if registration is not None and registration.drifted:
        yield Advice('registration', WARN, 'the cameras agree less than usual (registration_score '
                     f'{registration.score:.3f}, registration_usual {registration.usual:.3f}). '
                     'Look at fused/overlay: where the edges lie apart a camera has moved, so '
                     'calibrate again (degfuse calibrate); otherwise clean the lenses')


def _seconds(stamp: object) -> str:
    return f'{stamp / 1e9:.3f}' if isinstance(stamp, int) else 'none'
