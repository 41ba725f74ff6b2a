# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Turn a snapshot into advice: what is wrong and which parameter to change. Nothing of ROS."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from degfuse_ros.ros.snapshot import Snapshot, TopicSnapshot

OK, WARN, ERROR = 0, 1, 2

# Cameras on one clock drift apart by exposure and transfer, tenths of a second at most: beyond
# this the clocks themselves differ and no slop can help.
CLOCKS_DIFFER = 1_000_000_000

# A pair in the engine for this many seconds is told of: several times what a CPU takes for the
# largest image of any use, and early enough to be seen before somebody pulls the plug.
STALLED_AFTER = 5.0


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
    """The two input topics: full names and how many publishers each has now."""

    visible: str
    thermal: str
    visible_publishers: int
    thermal_publishers: int


def advise(snapshot: Snapshot, topics: Topics, values: Mapping[str, float]) -> list[Advice]:
    """List everything that is wrong, worst first; empty where all is well.

    Args:
        snapshot: the newest one.
        topics: names and publishers of the inputs.
        values: the parameters lost_after, sync_slop and sync_queue_size by name.
    """
    found = [*_failures(snapshot), *_silence(snapshot, topics, values['lost_after']),
             *_no_pairs(snapshot, topics, values), *_jumps(snapshot, topics),
             *_drops(snapshot, topics), *_drift(snapshot)]
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


def _silence(snapshot: Snapshot, topics: Topics, lost_after: float) -> Iterator[Advice]:
    visible_lost = snapshot.visible.silent_for > lost_after
    thermal_lost = snapshot.thermal.silent_for > lost_after
    level = ERROR if visible_lost and thermal_lost else WARN
    if visible_lost:
        yield Advice('visible silent', level, _silent(
            'visible', topics.visible, topics.visible_publishers, snapshot.visible))
    if thermal_lost:
        yield Advice('thermal silent', level, _silent(
            'thermal', topics.thermal, topics.thermal_publishers, snapshot.thermal))


def _silent(name: str, topic: str, publishers: int, seen: TopicSnapshot) -> str:
    if publishers == 0:
        return (f'no publisher on {topic}. Start the {name} camera, or name its topic by the '
                f'launch argument {name}:=TOPIC')
    return (f'{topic} is silent for {seen.silent_for:.1f} s. Got {seen.arrived} images from '
            f'{publishers} publisher(s) before, last stamp {_seconds(seen.last_stamp)}. '
            f'Check the {name} camera')


def _no_pairs(snapshot: Snapshot, topics: Topics,
              values: Mapping[str, float]) -> Iterator[Advice]:
    lost_after, slop = values['lost_after'], values['sync_slop']
    both_arrive = (max(snapshot.visible.silent_for, snapshot.thermal.silent_for) <= lost_after
                   and snapshot.visible.accepted and snapshot.thermal.accepted)
    offset = snapshot.smallest_offset
    if not both_arrive or snapshot.since_pair <= lost_after or offset is None:
        return
    if abs(offset) < slop * 1e9:
        action = f'Raise sync_queue_size above {values["sync_queue_size"]}'
    elif abs(offset) < CLOCKS_DIFFER:
        action = f'Raise sync_slop above {abs(offset) / 1e9:.3f} (now {slop}) or trigger both ' \
                 'cameras together'
    else:
        action = f'The clocks differ by more than sync_slop ({slop}) can bridge: synchronise ' \
                 'the cameras to one clock'
    yield Advice(
        'no pairs', WARN, f'no pairs for {snapshot.since_pair:.1f} s though both topics arrive. '
        f'Got {snapshot.visible.accepted} images of {topics.visible}, last stamp '
        f'{_seconds(snapshot.visible.last_stamp)}, and {snapshot.thermal.accepted} of '
        f'{topics.thermal}, last stamp {_seconds(snapshot.thermal.last_stamp)}; smallest offset '
        f'(visible minus thermal) {offset / 1e9:.3f} s. {action}')


def _jumps(snapshot: Snapshot, topics: Topics) -> Iterator[Advice]:
    """Advise where stamps go back again and again; once is a bag that begins anew."""
    for name, topic in (('visible', topics.visible), ('thermal', topics.thermal)):
        count = snapshot.new_jumps.get(name, 0)
        if count > 1:
            yield Advice(f'jumps {name}', WARN, f'stamps of {topic} went back {count} times; two '
                         'publishers on it, or clocks that differ? See '
                         f'`ros2 topic info --verbose {topic}`')


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
