# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Fuse a whole bag: what the node would publish, as a new bag, as fast as the engine can.

    job = BagJob(Path('street.mcap'), Path('fused'), values)
    with BagFusion(job) as fusion:
        summary = fusion.run(FusionEngine.load())

Reading and pairing, preparing, inference and writing each have a thread; few pairs wait between
them, so that the memory does not grow with the bag.
"""
from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import numpy as np

from degfuse_ros.bags.bag_error import BagError
from degfuse_ros.bags.bag_summary import BagSummary
from degfuse_ros.bags.fuse_stream import Frame, FuseStream
from degfuse_ros.bags.fused_topics import (
    FUSED,
    IMAGE_TOPIC,
    TOGETHER,
    FusedTopics,
    earlier_results,
    shown,
)
from degfuse_ros.bags.pair_source import PairSource
from degfuse_ros.bags.partial_folder import PartialFolder
from degfuse_ros.bags.reader import BagReader
from degfuse_ros.bags.topic_types import is_topic_name
from degfuse_ros.bags.topics import find_cameras
from degfuse_ros.bags.video import Video
from degfuse_ros.bags.writer import BagWriter
from degfuse_ros.camera.front_end import Prepared
from degfuse_ros.ros.stamps import NANOSECONDS

if TYPE_CHECKING:  # the engine loads torch: what is wrong with a bag is told without
    from degfuse_ros.engine import FusionEngine


@dataclass(frozen=True)
class BagJob:
    """What to do with a bag.

    Attributes:
        source: the bag, a folder or a file.
        out: folder of the new bag.
        values: the node's parameters by name.
        visible: topic of the visible images; '' finds it.
        thermal: the same for thermal.
        keep: copy the other topics.
        keep_images: copy the two image topics as well.
        start: seconds of the bag to leave out at the beginning.
        duration: seconds to fuse; None for all.
        every: fuse every n-th pair.
        video: an mp4 file to write; None for none.
        compression: of the new bag: 'none' or 'chunk'.
        overwrite: an existing bag in `out` may go.
        resume: go on with a run that was interrupted.
    """

    source: Path
    out: Path
    values: Mapping[str, Any]
    visible: str = ''
    thermal: str = ''
    keep: bool = False
    keep_images: bool = False
    start: float = 0.0
    duration: float | None = None
    every: int = 1
    video: Path | None = None
    compression: str = 'none'
    overwrite: bool = False
    resume: bool = False


class BagFusion:
    """One bag to be fused. Everything that can be refused at once, is refused at once.

    Attributes:
        expected: about how many pairs there will be, for a progress bar.
        cameras: the topics that are fused.
        how_far: after a run that had to stop: one line on what there is.
    """

    def __init__(self, job: BagJob) -> None:
        """Open the bag, find its cameras and check the output.

        Raises:
            BagError: it cannot be done; one line.
        """
        self._job = job
        self.how_far = ''
        self._folder = PartialFolder(job.out)
        self._folder.check(job.overwrite, job.resume)
        out, source = job.out.resolve(), job.source.resolve()
        if out in (source, *source.parents):
            raise BagError(f'{job.out} holds the bag that is read: give another --out')
        if job.video is not None:
            _check_video(job.video, job.overwrite)
        self._reader = BagReader(job.source)
        try:
            self.cameras = find_cameras(self._reader.topics, job.visible, job.thermal)
            self._start, self._stop = self._span()
        except BaseException:
            self._reader.close()
            raise
        self._summary = BagSummary(job.source, self.cameras.visible.name,
                                   self.cameras.thermal.name, self._reader.problems)
        self._kept = self._choose_kept()
        span = max(self._reader.end - self._reader.start, 1)
        share = (min(self._stop, self._reader.end) - self._start) / span
        self.expected = max(round(self._most_pairs() * share / job.every), 1)

    def __enter__(self) -> BagFusion:
        """Return this."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        """Close the bag."""
        self._reader.close()

    def _span(self) -> tuple[int, int]:
        """Return the times of the first message and behind the last, in nanoseconds."""
        start = self._reader.start + round(self._job.start * NANOSECONDS)
        if start > self._reader.end:
            length = (self._reader.end - self._reader.start) / NANOSECONDS
            raise BagError(f'--start {self._job.start:g} lies behind the end of the bag, which '
                           f'is {length:.1f} s long')
        if self._job.duration is None:
            return start, self._reader.end + 1
        return start, start + round(self._job.duration * NANOSECONDS)

    def _choose_kept(self) -> list[str]:
        """Return the topics to copy; say which cannot be."""
        images = (self.cameras.visible.name, self.cameras.thermal.name)
        wanted = [name for name in self._reader.topics
                  if (self._job.keep_images if name in images else self._job.keep)]
        kept = []
        for name in wanted:
            if name.startswith(FUSED):
                self._summary.notice(f'not kept: {name!r}, since results get this name')
            elif not is_topic_name(name) or ' and ' in self._reader.topics[name].kind:
                self._summary.notice(f'not kept: topic {name!r}, whose name or type no ROS 2 '
                                     'publisher may have')
            else:
                kept.append(name)
        return kept

    def run(self, engine: FusionEngine,
            progress: Callable[[int], object] = lambda pairs: None) -> BagSummary:
        """Fuse the bag.

        Args:
            engine: fuses.
            progress: told how many pairs have been dealt with.

        Returns:
            What came of it; it is in the new bag's folder as well.

        Raises:
            BagError: it had to stop; the line says how far it came.
        """
        began = time.perf_counter()
        engine.reset()
        resumed = self._folder.begin(self._record(engine), self._job.resume)
        writer = BagWriter(self._folder.bag, compression=self._job.compression)
        results = self._add_topics(writer, engine)
        video = Video(self._job.video, self._rate()) if self._job.video else None
        try:
            if resumed:
                writer.take_over(self._folder.unfinished, TOGETHER)
            writer.commit(now=True)
            self._stream(engine, writer, results, video, progress)
            writer.finish()
            self._summary.seconds = time.perf_counter() - began
            self._summary.write(self._folder.bag)
            if video is not None:
                video.finish()
            self._folder.finish()
        except (BagError, RuntimeError) as error:  # a RuntimeError is the device's
            self._leave(writer, video)
            raise BagError(f'{str(error).rstrip(".")}. {self.how_far}') from error
        except BaseException:
            self._leave(writer, video)
            raise
        return self._summary

    def _add_topics(self, writer: BagWriter, engine: FusionEngine) -> FusedTopics:
        """Add all topics, always in the same order, so that a run can be gone on with."""
        results = FusedTopics(writer, bool(self.cameras.visible_info),
                              self._job.values['output_encoding'], engine.layer_names)
        for name in self._kept:
            topic = self._reader.topics[name]
            writer.add(name, topic.kind, topic.definition, topic.type_hash, topic.qos)
        return results

    def _stream(self, engine: FusionEngine, writer: BagWriter, results: FusedTopics,
                video: Video | None, progress: Callable[[int], object]) -> None:
        """Write the pieces of the bag as they come."""
        summary, value = self._summary, self._job.values.__getitem__
        source = PairSource(self._reader, self.cameras, value, summary.drops, self._kept)
        summary.before = writer.written[IMAGE_TOPIC]
        kept_before = sum(writer.written[name] for name in self._kept)
        stream = FuseStream(engine, value, self._job.every, summary.before, summary)
        earlier = self._earlier(writer) if summary.before else iter(())
        with closing(stream.pieces(source, self._start, self._stop)) as pieces:
            for piece in pieces:
                begin = time.perf_counter()
                for message in piece.kept:
                    if kept_before:
                        kept_before -= 1
                    else:
                        writer.write(message.topic, message.time, message.data)
                for frame in piece.frames:
                    self._write(frame, piece.time, results, earlier, video)
                writer.commit()
                summary.stages['write'] += time.perf_counter() - begin
                progress(piece.passed)
        for problem in self._reader.problems:  # reading may have found more
            summary.notice(problem)
        summary.arrived, summary.jumps = dict(source.arrived), dict(source.jumps)
        summary.pairs, summary.unmatched = source.pairs, dict(source.unmatched)
        summary.alone = dict(source.alone)

    def _write(self, frame: Frame, moment: int, results: FusedTopics,
               earlier: Iterator[tuple[dict[str, float], np.ndarray | None]],
               video: Video | None) -> None:
        """Write one result, or take it from those of the earlier run."""
        summary = self._summary
        if frame.is_earlier:
            scores, image = next(earlier)
        else:
            scores = frame.fusion.degradation.scores if frame.fusion else {}
            image = shown(frame)
            problem = results.write(frame, moment)
            if problem:
                summary.notice(problem)
        summary.fused += 1
        if scores:
            summary.classes.add((moment - self._reader.start) / NANOSECONDS, scores)
        if video is not None and image is not None and isinstance(frame.ready, Prepared):
            video.add(frame.ready.visible, frame.ready.thermal, image)

    def _earlier(self, writer: BagWriter
                 ) -> Iterator[tuple[dict[str, float], np.ndarray | None]]:
        """Yield what the earlier run found, from the file that is gone on with."""
        with BagReader(writer.folder) as bag:
            yield from earlier_results(bag, self._job.video is not None)

    def _leave(self, writer: BagWriter, video: Video | None) -> None:
        """Stop before the end: what was written stays, and opens."""
        with suppress(BagError):  # there may be no room for the last ones
            writer.commit(now=True)
        writer.abandon()
        self._folder.leave()
        if video is not None:
            video.abandon()
        self.how_far = (f'Stopped after {writer.safe[IMAGE_TOPIC]} pairs, of about '
                        f'{self.expected}; they are in {self._folder.bag}. Go on with --resume')

    def _rate(self) -> float:
        """Return the frames per second of the video."""
        seconds = (self._reader.end - self._reader.start) / NANOSECONDS
        between = (self._most_pairs() - 1) / self._job.every
        return max(between / seconds if seconds else 0.0, 1.0)

    def _most_pairs(self) -> int:
        """Return how many pairs the whole bag can have."""
        if self._job.values['pairing'] == 'nearest':
            return self.cameras.visible.count
        return min(self.cameras.visible.count, self.cameras.thermal.count)

    def _record(self, engine: FusionEngine) -> dict[str, Any]:
        """Return all that decides what the new bag holds, but for where it ends."""
        job = self._job
        size = sum(file.stat().st_size for file in self._reader.files)
        return {
            'bag': str(job.source.resolve()), 'bytes of the bag': size,
            'topics': [self.cameras.visible.name, self.cameras.thermal.name],
            'parameters': dict(job.values), 'model': engine.model_hash, 'device': engine.device,
            'kept topics': self._kept, '--start': job.start, '--every': job.every,
            '--compression': job.compression}


def _check_video(path: Path, overwrite: bool) -> None:
    """Refuse a place where no video can be, or where something is that must not go."""
    if path.suffix.lower() != '.mp4' or not path.parent.is_dir():
        raise BagError(f'--video {path}: give a name that ends in .mp4, in a folder that exists')
    if path.exists() and (path.is_dir() or not overwrite):
        raise BagError(f'{path} exists already: give another --video, or --overwrite')
