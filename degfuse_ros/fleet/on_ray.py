# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""A fleet's bags fused by the workers of a Ray cluster, or of a Ray of this machine alone."""
from __future__ import annotations

import os
import secrets
import signal
import socket
import tempfile
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from degfuse_ros.bags.bag_error import BagError
from degfuse_ros.bags.fuse_bag import BagJob
from degfuse_ros.fleet.worker import Outcome, Worker

LOCAL = 'local'
# Seconds without news after which the user is told that no worker has come.
_PATIENCE = 60.0
# Workers that may end while they load, before it is taken for a fault of the machines: one may be
# killed for memory while others load, three in a row are no accident.
_MOST_LOST = 3
# Seconds that a cluster has to answer.
_PROBE = 10.0
# Bytes of shared memory, about the least that Ray takes: only jobs and summaries go through it.
_OBJECT_STORE = 80 * 2 ** 20


@dataclass
class _Member:
    """A worker: an actor of Ray, its name once it has loaded, and the bag that it has."""

    actor: Any
    name: str = ''
    job: BagJob | None = None


class OnRay:
    """Workers, as a fleet wants them: one for each GPU, or for each so many cores.

    Use it in a `with` block; leaving it ends the workers, and a Ray that was started for them.
    """

    def __init__(self, address: str, values: Mapping[str, Any], out: Path, most: int, cores: int,
                 tell: Callable[[str], object]) -> None:
        """Connect, and start the workers; they load while `next` waits.

        Args:
            address: of a cluster, as `ray.init` takes it, or 'local': a Ray of this machine,
                reached by nobody else, for as long as this object is used.
            values: the node's parameters by name. Device 'auto' is a GPU each, where the cluster
                has any.
            out: folder of all results.
            most: workers that can be of use.
            cores: CPU cores of each worker, and threads of its arithmetic.
            tell: called with a line when no worker comes.

        Raises:
            BagError: no Ray, no cluster, or none with such a device.
        """
        self._tell, self._lost, self._refusal = tell, 0, ''
        self._idle: list[_Member] = []
        self._calls: dict[Any, _Member] = {}
        self._stack = ExitStack()
        try:
            self._ray = _connect(address, self._stack)
            device, count = _share(self._ray, str(values['device']), cores)
            self._actor = self._ray.remote(Worker).options(
                num_cpus=cores, num_gpus=1 if device == 'cuda' else 0)
            self._arguments = ({**values, 'device': device}, out, cores)
            self.description = (f'workers: {min(count, most)}; CPU cores of each: {cores}'
                                + (', and a GPU' if device == 'cuda' else ''))
            for _ in range(min(count, most)):
                self._hire()
        except BaseException:
            self._stack.close()
            raise

    def __enter__(self) -> OnRay:
        """Return this."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        """End the workers. What they were writing can be gone on with, as after a kill."""
        self._stack.close()

    def free(self) -> str:
        """Return the name of a worker that has nothing to do; '' for none."""
        return self._idle[0].name if self._idle else ''

    def submit(self, worker: str, job: BagJob) -> None:
        """Give it a bag."""
        member = next(each for each in self._idle if each.name == worker)
        self._idle.remove(member)
        member.job = job
        self._calls[member.actor.fuse.remote(job)] = member

    def next(self) -> Outcome | None:
        """Wait until a bag has ended, or a worker has come, or a while has passed.

        Raises:
            BagError: the last worker could not load, or they end while they do.
        """
        ready, _ = self._ray.wait(list(self._calls), num_returns=1, timeout=_PATIENCE)
        if not ready:
            if not any(member.job for member in self._calls.values()):
                self._tell('no worker has come yet: the cluster starts them when it has the cores '
                           'or GPUs free')
            return None
        member = self._calls.pop(ready[0])
        if member.job is None:
            self._welcome(member, ready[0])
            return None
        job, member.job = member.job, None
        try:
            outcome: Outcome = self._ray.get(ready[0])
        except self._ray.exceptions.RayError:
            self._hire()
            return Outcome(job.out, {}, f'the worker {member.name} has ended: it was killed, ran '
                           'out of memory, or its machine is gone')
        if outcome.device_failed:
            # What a GPU's failure leaves behind in a process spoils all that follows.
            self._ray.kill(member.actor)
            self._hire()
        else:
            self._idle.append(member)
        return outcome

    def _hire(self) -> None:
        """Start a worker. It does not count until it has loaded; Ray may let it wait for long."""
        member = _Member(self._actor.remote(*self._arguments))
        self._calls[member.actor.load.remote()] = member

    def _welcome(self, member: _Member, call: Any) -> None:
        """See whether a worker could load."""
        try:
            member.name = self._ray.get(call)
        except self._ray.exceptions.RayTaskError as error:  # what is wrong will not go away
            self._ray.kill(member.actor)
            self._refusal = ' '.join(str(error.cause).split())
        except self._ray.exceptions.RayError as error:
            self._lost += 1
            self._refusal = 'workers end while they load: ' + ' '.join(str(error).split())[:300]
            if self._lost < _MOST_LOST:
                self._hire()
        else:
            self._lost = 0
            self._idle.append(member)
        if not self._calls and not self._idle:
            raise BagError(self._refusal)


def _connect(address: str, stack: ExitStack) -> Any:
    """Return Ray, connected. `stack` undoes all of it."""
    os.environ['RAY_USAGE_STATS_ENABLED'] = '0'  # Ray reports to its makers otherwise
    os.environ['RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO'] = '0'  # older ones warn where it is not set
    options: dict[str, Any] = {}
    if ':' in address:
        _probe(address)
    if address == LOCAL:
        # Without clusters Ray takes the loopback address, whatever the system; else it would
        # listen on all. The token keeps other users of this machine out.
        os.environ.update(RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER='0', RAY_AUTH_MODE='token',
                          RAY_AUTH_TOKEN=secrets.token_hex(32))
        folder = stack.enter_context(tempfile.TemporaryDirectory(
            prefix='degfuse_ray_', ignore_cleanup_errors=True))
        options = {'include_dashboard': False, 'object_store_memory': _OBJECT_STORE,
                   '_temp_dir': folder}
    try:
        import ray
    except ModuleNotFoundError as error:
        raise BagError(f'{error.name} is not installed: pip install -r requirements/ray.txt'
                       ) from error
    former = signal.getsignal(signal.SIGTERM)
    stack.callback(ray.shutdown)
    try:
        ray.init(address, log_to_driver=False, logging_level='ERROR', **options)
    except (OSError, RuntimeError, ValueError) as error:
        raise BagError(f'--ray {address}: {" ".join(str(error).split())[:300]}') from error
    finally:
        signal.signal(signal.SIGTERM, former)  # Ray sets its own
    return ray


def _probe(address: str) -> None:
    """Refuse a place where nobody listens, where Ray itself tries for a quarter of an hour."""
    host, _, port = address.removeprefix('ray://').rpartition(':')
    try:
        socket.create_connection((host, int(port)), _PROBE).close()
    except (OSError, ValueError, OverflowError) as error:
        reason = getattr(error, 'strerror', '') or error
        raise BagError(f'--ray {address}: {reason}. Give host:port of the cluster, auto, or no '
                       'address for a Ray of this machine') from error


def _share(ray: Any, wanted: str, cores: int) -> tuple[str, int]:
    """Return 'cuda' or 'cpu', and how many workers there is room for."""
    nodes = [node['Resources'] for node in ray.nodes() if node['Alive']]
    processors = [int(node.get('CPU', 0)) for node in nodes]
    gpus = [int(node.get('GPU', 0)) for node in nodes]
    if wanted.startswith('cuda:'):
        raise BagError(f'--device {wanted} with --ray: Ray hands out the GPUs; give cuda or auto')
    device = wanted if wanted != 'auto' else 'cuda' if any(gpus) else 'cpu'
    fits = [number // cores for number in processors]
    if device == 'cuda':
        fits = [min(pair) for pair in zip(fits, gpus)]
    if not any(fits):
        raise BagError(f'no machine of the cluster has {cores} cores'
                       + (' and a GPU' if device == 'cuda' else '')
                       + f': they have {processors} cores and {gpus} GPUs. Give other --cores or '
                       'another --device')
    return device, sum(fits)
