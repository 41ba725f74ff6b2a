# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""A folder of images that another program fused, looked up by the names of our pairs."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from degfuse_ros.camera.pair_files import SUFFIXES, PairFilesError, read_image
from degfuse_ros.evaluation.degradations import CASES
from degfuse_ros.evaluation.pairs import AS_STORED, PairError
from degfuse_ros.evaluation.scene import Scene


class FusedFolder:
    """Finds the fused image of a scene: NAME.* in SOURCE/ below the folder, or in the folder.

    Images of the benchmark's degraded pairs lie below a folder of the case's name in the same
    way, as `degfuse evaluate --write-degraded` lays out the inputs. A folder without cases is
    judged on the pairs as they are, one with nothing else on the degraded ones.

    Args:
        path: the folder.
        shared: names that several sources have; their images must lie below SOURCE/.

    Raises:
        PairError: it is not a folder, or holds no image.
    """

    def __init__(self, path: Path, shared: frozenset[str] = frozenset()) -> None:
        self._path, self._shared = path, shared
        if not os.path.isdir(path):  # Path.is_dir raises below a folder that may not be read
            raise PairError(f'{path} is not a folder: give --fused NAME=FOLDER')
        images = [each.relative_to(path) for each in path.rglob('*') if _is_image(each)]
        if not images:
            raise PairError(f'{path} holds no image that can be read: give the folder of the '
                            'fused images as --fused NAME=FOLDER')
        cases = {case.name for case in CASES}
        self._only_cases = all(image.parts[0] in cases for image in images)
        self._listed: dict[Path, dict[str, list[Path]]] = {}

    def read(self, scene: Scene) -> NDArray[np.uint8] | None:
        """Read the fused image of a scene.

        Returns:
            H x W uint8, or H x W x 3 uint8 RGB; None if the scene's case has no folder, or if
            there are cases alone and the scene is none.

        Raises:
            PairError: the image is missing, unreadable, of another size or depth, or there are
                two of its name.
        """
        root = self._path if scene.case is None else self._path / scene.case.name
        if not root.is_dir() or (scene.case is None and self._only_cases):
            return None
        places = [root / scene.pair.source]
        if scene.pair.name not in self._shared:
            places.append(root)
        path = self._path_of(scene.pair.name, places)
        try:
            image = read_image(path, AS_STORED)
        except PairFilesError as error:
            raise PairError(str(error)) from error
        return _checked(image, path, scene)

    def _path_of(self, name: str, folders: Sequence[Path]) -> Path:
        """Return the image of a name in the first folder that has one."""
        for folder in folders:
            paths = self._images(folder).get(name, [])
            if len(paths) > 1:
                raise PairError(f'{paths[0]} has the same name as {paths[1].name}: keep the one '
                                'that is to be judged')
            if paths:
                return paths[0]
        others = sorted(path.name for folder in folders
                        for paths in self._images(folder).values() for path in paths)
        example = f' (it has {len(others)} others, the first is {others[0]})' if others else ''
        where = ' or '.join(map(str, folders))
        raise PairError(f'no fused image {name}.* in {where}{example}')

    def _images(self, folder: Path) -> dict[str, list[Path]]:
        """Images of a folder by name, read once; empty where there is no such folder."""
        if folder not in self._listed:
            images: dict[str, list[Path]] = {}
            for path in sorted(folder.glob('*')):
                if _is_image(path):
                    images.setdefault(path.stem, []).append(path)
            self._listed[folder] = images
        return self._listed[folder]


def _is_image(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES and path.is_file()


def _checked(image: NDArray[np.generic], path: Path, scene: Scene) -> NDArray[np.uint8]:
    """Return what was read as grey or RGB of 8 bits and the scene's size."""
    if image.dtype != np.uint8:
        raise PairError(f'{path} has {image.dtype} pixels: save fused images with 8 bits')
    if image.shape[:2] != scene.thermal.shape:
        raise PairError(f'{path} is {image.shape[1]} x {image.shape[0]}, its pair '
                        f'{scene.thermal.shape[1]} x {scene.thermal.shape[0]}: fuse at the '
                        "pair's own size")
    pixels = image.astype(np.uint8, copy=False)
    if pixels.ndim == 2:
        return pixels
    return np.ascontiguousarray(pixels[..., ::-1])  # BGR to RGB
