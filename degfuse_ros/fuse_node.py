# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""The lifecycle node: visible and thermal image topics in, fused images out.

    ros2 launch degfuse_ros fuse.launch.py visible:=/camera/image_raw thermal:=/ir/image_raw

It starts unconfigured. *configure* loads the weights, *activate* subscribes and fuses,
*deactivate* unsubscribes, *cleanup* frees the weights and takes the fused topics back.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import rclpy
from rclpy.clock import Clock, ClockType
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn

from degfuse_ros.camera import time_offset
from degfuse_ros.ros.advice import ERROR, WARN, Advice
from degfuse_ros.ros.diagnostics import Diagnostics, Report, clock_advice
from degfuse_ros.ros.garbage import Garbage
from degfuse_ros.ros.parameter_services import ParameterServices
from degfuse_ros.ros.parameter_table import engine_options
from degfuse_ros.ros.parameters import Parameters
from degfuse_ros.ros.pipeline import Pipeline
from degfuse_ros.ros.process import keep_freed_memory, share_interpreter
from degfuse_ros.ros.rig import Rig
from degfuse_ros.ros.worker import Worker

if TYPE_CHECKING:
    from degfuse_ros.engine import FusionEngine

# Seconds between two looks at who subscribes: somebody who opens a fused topic of a lazy node
# hardly notices the wait, and five looks a second cost nothing that could be measured.
UPDATE_PERIOD = 0.2

# Rows and columns of the image fused once at configure, so that the first real one is not slow.
WARM_UP_SIZE = (480, 640)


class FuseNode(LifecycleNode):
    """Parameters, topics and transitions of the node `fuse`."""

    def __init__(self, **options: Any) -> None:
        """Create the node, unconfigured.

        Args:
            options: passed to rclpy's LifecycleNode, as context or parameter_overrides.
        """
        super().__init__('fuse', automatically_declare_parameters_from_overrides=True,
                         allow_undeclared_parameters=True, start_parameter_services=False,
                         **options)
        self._settings = Parameters(self)
        self._parameter_services = ParameterServices(self, self._settings)
        self._engine: FusionEngine | None = None
        self._rigs: list[Rig] = []
        self._worker: Worker | None = None
        self._garbage = Garbage()
        self._state_label = 'unconfigured'
        self._failure = ''
        self._diagnostics = Diagnostics(self, self._settings, self._report)
        # On the machine's clock: simulated time may stand still.
        self.create_timer(UPDATE_PERIOD, self._update,
                          clock=Clock(clock_type=ClockType.STEADY_TIME))

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Load the weights and advertise the topics; fail where a parameter was refused."""
        return self._attempt('configure', self._load, self._release, 'inactive')

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Subscribe and start fusing."""
        def begin() -> None:
            super(FuseNode, self).on_activate(state)  # enables the publishers
            self._start()

        def undo() -> None:
            self._stop()
            super(FuseNode, self).on_deactivate(state)

        return self._attempt('activate', begin, undo, 'active')

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Unsubscribe, finish the pair at hand and stop."""
        def disable() -> None:
            super(FuseNode, self).on_deactivate(state)

        # The publishers last: the pair at hand is still sent.
        return self._conclude('deactivate', [self._stop, disable], 'inactive')

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Free the weights and take the topics back."""
        return self._conclude('cleanup', [self._release], 'unconfigured')

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Stop and free everything."""
        return self._conclude('shutdown', [self._stop, self._release], 'finalized')

    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Stop and free everything, so that the node can be configured again."""
        failure = self._failure
        result = self._conclude('recover', [self._stop, self._release], 'unconfigured')
        self._failure = self._failure or failure
        return result

    def destroy_node(self) -> None:
        """Stop the worker before the topics that it publishes on go."""
        self._conclude('stop', [self._stop, self._release], 'finalized')
        super().destroy_node()

    def _attempt(self, name: str, begin: Callable[[], None], undo: Callable[[], None],
                 goal: str) -> TransitionCallbackReturn:
        """Run a transition; where it raises, say why in one line and stay in the former state."""
        self._failure = ''
        try:
            begin()
        except Exception as error:  # rclpy would swallow it without a word
            try:
                undo()
            finally:  # a lost GPU fails a second time when its memory is given back
                self._fail(name, error)
            return TransitionCallbackReturn.FAILURE
        self._state_label = goal
        return TransitionCallbackReturn.SUCCESS

    def _conclude(self, name: str, steps: Sequence[Callable[[], None]],
                  goal: str) -> TransitionCallbackReturn:
        """Run a transition that can only fail where something is badly broken."""
        self._failure = ''
        for step in steps:
            try:
                step()
            except Exception as error:  # rclpy would swallow it without a word
                self._fail(name, error)
        self._state_label = goal
        if self._failure:
            return TransitionCallbackReturn.ERROR
        return TransitionCallbackReturn.SUCCESS

    def _fail(self, name: str, error: Exception) -> None:
        self._failure = f'{name} failed: {" ".join(str(error).split())}'
        self.get_logger().error(self._failure)
        if self.context.ok():  # at shutdown there is nobody left to publish to
            self._diagnostics.publish()

    def _load(self) -> None:
        """Build the engine from the parameters."""
        if self._settings.problems:
            raise ValueError(
                f'{"; ".join(self._settings.problems.values())}. Correct it with `ros2 param set '
                f'{self.get_fully_qualified_name()} NAME VALUE` or in the params file, '
                'and configure again')
        # Imported here, so that a missing torch fails this transition and not the process.
        from degfuse_ros.engine import FusionEngine
        engine = self._engine = FusionEngine.load(**engine_options(self._settings.value))
        start = time.perf_counter()
        for batch in range(1, len(self._settings.rigs) + 1):
            engine.warm_up(*WARM_UP_SIZE, batch)
        warm_up = (time.perf_counter() - start) * 1e3
        self.get_logger().info(
            f'model {engine.model_path} on {engine.device} ({engine.device_name}), '
            f'{engine.precision}, warm-up at {WARM_UP_SIZE[1]}x{WARM_UP_SIZE[0]} '
            f'{warm_up:.0f} ms')
        if engine.device == 'cpu':
            self.get_logger().warning(
                'running on the CPU: expect about one image per warm-up time. Set device to cuda '
                'where there is a GPU')
        time_offset.warm_up()
        for name in self._settings.rigs:
            self._rigs.append(Rig(self, self._settings.of(name), name))
        self._settings.locked = True
        self._garbage.leave_out()

    def _release(self) -> None:
        """Free the weights and take the topics back."""
        rigs, self._rigs = self._rigs, []
        engine, self._engine = self._engine, None
        self._settings.locked = False
        try:
            for rig in rigs:
                rig.close()
            if engine is not None:
                engine.close()
        finally:
            self._garbage.include()

    def _start(self) -> None:
        """Subscribe and start the worker."""
        assert self._engine is not None
        worker = self._worker = Worker(
            Pipeline(self._engine), lambda: self._settings.value('batch_wait'))
        for rig in self._rigs:
            rig.start(worker.put)

    def _stop(self) -> None:
        """Unsubscribe, then end the worker."""
        for rig in self._rigs:
            rig.stop()
        worker, self._worker = self._worker, None
        if worker is not None:
            worker.stop()

    def _update(self) -> None:
        """Follow what changed by itself or by a parameter since the last time."""
        self._diagnostics.update()
        for rig in self._rigs:
            rig.update()

    def _report(self) -> list[Report]:
        """Return the parts of the report for /diagnostics: the node's and those of the rigs."""
        values = {'state': self._state_label, **self._engine_values()}
        advice = clock_advice(self)
        if self._engine is not None and self._engine.problem:
            advice.append(Advice('engine', WARN, self._engine.problem))
        if self._failure:
            return [Report('', self._failure,
                           [Advice('transition', ERROR, self._failure, True)], values)]
        if self._worker is None:
            return [Report('', self._state_label, [], values)]
        return [Report('', self._state_label, advice, values),
                *(report for rig in self._rigs for report in rig.report())]

    def _engine_values(self) -> dict[str, str]:
        engine = self._engine
        if engine is None:
            return {}
        return {'device': engine.device, 'device_name': engine.device_name,
                'precision': engine.precision, 'execution': engine.execution,
                'memory_fallbacks': str(engine.memory_fallbacks), 'model': str(engine.model_path),
                'model_hash': engine.model_hash,
                'gpu_memory_mib': f'{engine.memory_bytes() / 2**20:.1f}'}


def main(arguments: list[str] | None = None) -> None:
    """Run the node until it is interrupted."""
    # rclpy's own handler ends `spin`. Python's would raise KeyboardInterrupt at any line as well,
    # and `ros2 launch` in a terminal interrupts twice: the clean-up must run to its end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    keep_freed_memory()
    share_interpreter()
    rclpy.init(args=arguments)
    node: FuseNode | None = None
    try:
        node = FuseNode()
        rclpy.spin(node)
    except Exception:  # after an interrupt: spin's end, or a callback whose publisher is gone
        if rclpy.ok():
            raise
    finally:
        if node is not None:
            node.destroy_node()
        rclpy.try_shutdown()


if __name__ == '__main__':
    main()
