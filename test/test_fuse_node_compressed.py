# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""The node with compressed images in and out, over real DDS."""

from __future__ import annotations

import io
from typing import Any

import cv2
import numpy as np
import pytest
from fuse_graph import FuseGraph
from fuse_peer import values
from image_messages import IMAGE_QOS, image
from PIL import Image as PillowImage
from sensor_msgs.msg import CompressedImage

from degfuse_ros.camera import decoding
from degfuse_ros.engine import FusionEngine

COMPRESSED = {'model': 'lite', 'visible_transport': 'compressed',
              'thermal_transport': 'compressed', 'frozen_after': 0}


def compressed(stamp: int, pixels: np.ndarray, format_: str) -> CompressedImage:
    """Build a message of a PNG file."""
    message = CompressedImage(format=format_, data=cv2.imencode('.png', pixels)[1].tobytes())
    message.header.stamp.sec, message.header.stamp.nanosec = divmod(stamp, 1_000_000_000)
    return message


class Cameras:
    """Compressed publishers beside the peer's raw ones."""

    def __init__(self, graph: FuseGraph, visible: str, thermal: str) -> None:
        """Advertise the topics."""
        self.graph = graph
        self.publishers: list[Any] = [graph.peer.create_publisher(CompressedImage, name, IMAGE_QOS)
                                      for name in (visible, thermal)]
        self.visible = decoding.to_rgb(image(0))
        self.thermal = np.linspace(20_000, 20_500, 48 * 80).reshape(48, 80).astype(np.uint16)

    def wait(self) -> None:
        """Wait until the node has subscribed."""
        self.graph.until(lambda: all(each.get_subscription_count() for each in self.publishers))

    def send(self) -> None:
        """Publish one pair, the thermal image in 16 bits."""
        stamp = self.graph.stamp()
        self.publishers[0].publish(
            compressed(stamp, self.visible[..., ::-1], 'rgb8; png compressed bgr8'))
        self.publishers[1].publish(compressed(stamp, self.thermal, 'mono16; png compressed '))


def test_compressed_cameras_are_fused_as_raw_ones(ros_domain: int) -> None:
    remaps = ['-r', 'visible/image:=/front/image_raw', '-r', 'fused/image:=/front/fused']
    with FuseGraph(ros_domain, remaps, **COMPRESSED) as graph:
        cameras = Cameras(graph, '/front/image_raw/compressed', 'thermal/image/compressed')
        results: list[CompressedImage] = []
        graph.peer.create_subscription(
            CompressedImage, '/front/fused/compressed', results.append, 10)
        assert graph.configure() and graph.activate(matched=())
        cameras.wait()
        graph.until(lambda: results, each=cameras.send)
        grey = (cameras.thermal - 20_005.0) / 490 * 255  # between its percentiles 1 and 99
        fused = FusionEngine.load('lite', 'cpu').fuse(
            cameras.visible, grey.clip(0, 255).round().astype(np.uint8)).image.astype(float)
        assert results[-1].format == 'rgb8; jpeg compressed bgr8'
        file = PillowImage.open(io.BytesIO(bytes(results[-1].data)))
        assert file.format == 'JPEG' and np.abs(np.asarray(file) - fused).mean() < 8
        assert graph.set_parameter('compressed_format', 'png').successful
        graph.until(lambda: results[-1].format == 'rgb8; png compressed bgr8', each=cameras.send)
        file = PillowImage.open(io.BytesIO(bytes(results[-1].data)))
        assert file.format == 'PNG' and np.abs(np.asarray(file) - fused).max() <= 2


def huge() -> bytes:
    """Return a PNG whose header tells 100 megapixels."""
    buffer = io.BytesIO()
    PillowImage.new('1', (10_000, 10_000)).save(buffer, 'PNG')
    return buffer.getvalue()


@pytest.mark.parametrize(('kind', 'data', 'reason'), [
    ('too_large', huge(), '10000x10000 pixels, above 64 megapixels'),
    ('damaged', cv2.imencode('.jpg', np.zeros((48, 80, 3), np.uint8))[1].tobytes()[:-9],
     'cut off or altered'),
    ('format', b'nothing', 'neither JPEG nor PNG'),
    ('empty', b'', 'has no data'),
])
def test_bad_compressed_images(ros_domain: int, kind: str, data: bytes, reason: str) -> None:
    with FuseGraph(ros_domain, **COMPRESSED) as graph:
        cameras = Cameras(graph, 'visible/image/compressed', 'thermal/image/compressed')
        assert graph.configure() and graph.activate(matched=())
        cameras.wait()

        def send_bad() -> None:
            stamp = graph.stamp()
            message = compressed(stamp, cameras.thermal, 'jpeg')
            message.data = data
            cameras.publishers[0].publish(message)
            cameras.publishers[1].publish(compressed(stamp, cameras.thermal, 'png'))

        status = graph.until_status(
            lambda status: int(values(status).get(f'dropped.visible.{kind}', 0)) > 0
            and reason in status.message, each=send_bad)
        assert '/visible/image/compressed' in status.message and '\n' not in status.message
        graph.until(lambda: graph.fused, each=cameras.send)  # and the node goes on


def test_the_transport_changes_while_running(ros_domain: int) -> None:
    with FuseGraph(ros_domain, model='lite', frozen_after=0, **{
            'qos_overrides./visible/image/compressed.subscription.reliability': 'sometimes',
            }) as graph:
        cameras = Cameras(graph, 'visible/image/compressed', 'thermal/image/compressed')

        def send() -> None:
            stamp = graph.stamp()
            graph.visible.publish(image(stamp))
            cameras.publishers[1].publish(compressed(stamp, cameras.thermal, 'png'))

        assert graph.configure() and graph.activate()
        graph.until_fused()
        assert graph.set_parameter('thermal_transport', 'compressed').successful
        graph.until(lambda: not graph.thermal.get_subscription_count())
        graph.fused.clear()
        graph.until(lambda: graph.fused, each=send)
        # One that cannot be taken up is told, and what was there goes on.
        assert graph.set_parameter('visible_transport', 'compressed').successful
        status = graph.until_status(
            lambda status: 'visible_transport compressed cannot be had' in status.message)
        assert 'sometimes' in status.message and '\n' not in status.message
        graph.fused.clear()
        graph.until(lambda: graph.fused, each=send)
        assert graph.set_parameters({'visible_transport': 'raw', 'thermal_transport': 'raw'})
        graph.until(lambda: graph.thermal.get_subscription_count())
        graph.until_fused()
