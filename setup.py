# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Installation of the ROS package degfuse_ros, for colcon and for pip."""

from glob import glob

from setuptools import find_packages, setup

PACKAGE = 'degfuse_ros'


def requirements(name: str) -> list[str]:
    """Return the lines of a requirements file that name a package."""
    with open(f'requirements/{name}.txt') as file:
        lines = [line.split('#')[0].strip() for line in file]
    return [line for line in lines if line and not line.startswith('-')]


setup(
    name=PACKAGE,
    version='0.1.0',
    description='Degradation-aware fusion of visible and thermal images, as a ROS 2 node.',
    author='The degfuse_ros developers',
    maintainer='The degfuse_ros developers',
    maintainer_email='degfuse_ros@users.noreply.github.com',
    license='Apache-2.0',
    python_requires='>=3.10',
    packages=find_packages(exclude=['test', 'test.*', 'wheels', 'wheels.*']),
    package_data={PACKAGE: ['network/*.json', 'evaluation/*.csv']},
    data_files=[
        ('share/ament_index/resource_index/packages', [f'resource/{PACKAGE}']),
        (f'share/{PACKAGE}', ['package.xml']),
        (f'share/{PACKAGE}/launch', sorted(glob('launch/*.py'))),
        (f'share/{PACKAGE}/config', sorted(glob('config/*.*'))),
        (f'share/{PACKAGE}/config/train', sorted(glob('config/train/*.*'))),
        (f'share/{PACKAGE}/models', sorted(glob('models/*.*'))),
    ],
    # numpy, OpenCV, torch and safetensors are not install_requires: on a robot they come from apt
    # (package.xml) or from pip (requirements/run.txt), and pip must not replace the former.
    extras_require={
        'run': requirements('run'),
        'train': requirements('train'),
        'evaluate': requirements('evaluate'),
        'export': requirements('export'),
        'bag': requirements('bag'),
        'ray': requirements('ray'),
        'test': requirements('test'),
    },
    zip_safe=False,
    entry_points={
        'console_scripts': [
            'fuse_node = degfuse_ros.fuse_node:main',
            'bag_player = degfuse_ros.bag_player:main',
            'degfuse = degfuse_ros.cli.main:main',
        ],
    },
)
