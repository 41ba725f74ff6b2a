# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Which bags a fleet fuses, and what each result is called."""
from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePath

from degfuse_ros.bags.bag_error import BagError
from degfuse_ros.bags.storage import SUFFIXES, find_files


def find_inputs(patterns: Iterable[Path], out: Path) -> dict[str, Path]:
    """Find the bags that paths and patterns mean.

    A file that metadata.yaml beside it names stands for its folder: a split bag is one bag. What
    lies in `out` is not read, so that a pattern may cover that folder.

    Args:
        patterns: bags, or patterns of them as `glob` has them, with ** for any folders.
        out: folder of the results.

    Returns:
        Absolute paths by the name of the result: the path below the folder that all patterns
        share, without the file's suffix. Sorted.

    Raises:
        BagError: a pattern matches no bag, or two results would get one place.
    """
    found: dict[Path, None] = {}
    bases = []
    for pattern in patterns:
        here = [bag for bag in _matches(pattern) if _absolute(out) not in (bag, *bag.parents)]
        if not here:
            raise BagError(f'{pattern} matches no bag: give .mcap or .db3 files, or folders with '
                           'a metadata.yaml')
        bases.append(_base(pattern))
        found.update(dict.fromkeys(here))
    base = Path(os.path.commonpath(bases))
    named: dict[str, Path] = {}
    for bag in sorted(found):
        name = _name(bag, base)
        if name in named:
            raise BagError(f'{named[name]} and {bag} would both become {name}: fuse them in two '
                           'calls, each with its own --out')
        named[name] = bag
    for name in named:
        for above in map(str, PurePath(name).parents):
            if above in named:
                raise BagError(f'{named[name]} would be written into the result of '
                               f'{named[above]}: fuse them in two calls, each with its own --out')
    return named


def size_of(bag: Path) -> int:
    """Return the bytes of a bag's files; 0 where it cannot be read."""
    try:
        return sum(file.stat().st_size for file in find_files(bag)[0])
    except (BagError, OSError):
        return 0


def is_pattern(path: Path) -> bool:
    """Tell a pattern from the path of something that exists, whatever its name."""
    return glob.has_magic(str(path)) and not os.path.lexists(path)


def _matches(pattern: Path) -> Iterator[Path]:
    """Yield the bags that a pattern means, a split one perhaps several times."""
    if not is_pattern(pattern):
        if pattern.exists():
            yield _whole(_absolute(pattern))
        return
    for text in glob.iglob(str(pattern), recursive=True):
        path = _absolute(Path(text))
        if path.is_dir():
            # Without metadata.yaml the files of a folder may well be bags of their own.
            if (path / 'metadata.yaml').is_file():
                yield path
        elif path.name.endswith(SUFFIXES):
            yield _whole(path)


def _whole(path: Path) -> Path:
    """Return the folder of a bag that a file is a part of, or the path itself."""
    if path.is_file() and (path.parent / 'metadata.yaml').is_file() \
            and path in find_files(path.parent)[0]:
        return path.parent
    return path


def _base(pattern: Path) -> Path:
    """Return the folder below which a pattern can match."""
    path = _absolute(pattern)
    if not is_pattern(pattern):
        return path.parent
    return next(above for above in path.parents if not glob.has_magic(str(above)))


def _name(bag: Path, base: Path) -> str:
    """Return what the result is called; a bag that is the base itself has its own name."""
    name = bag.relative_to(base).as_posix() if bag != base else bag.name
    suffix = next((each for each in sorted(SUFFIXES, key=len, reverse=True)
                   if name.endswith(each)), '')
    return name if bag.is_dir() else name.removesuffix(suffix)


def _absolute(path: Path) -> Path:
    """Return a path without .. in it; links stay, since other machines may see them."""
    return Path(os.path.abspath(path))
