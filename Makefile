# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
#
#   make demo    built-in scenes through the real node; pictures in demo_out/
#   make test    style, types, tests
#   make setup   only the environment that both use
#   make clean   remove that environment and what building left
#
# Everything goes into the virtual environment .venv (another one: make VENV=/path demo), ROS 2
# included, also in a shell that has sourced a ROS distribution. In a ROS workspace use colcon.

VENV ?= .venv
OUT ?= demo_out

prefix := $(abspath $(VENV))
bin := $(prefix)/bin
stamps := $(prefix)/.degfuse_ros
pip := $(bin)/python -m pip --disable-pip-version-check
# What pip leaves in the tree. colcon's build folder, which may lie beside it, stays.
tidy := rm -rf build/lib build/bdist.* degfuse_ros.egg-info; rmdir build 2>/dev/null || true

sources := $(shell find degfuse_ros launch config models resource -type f \
             -not -name '*.pyc' -not -path '*/.*' 2>/dev/null) setup.py setup.cfg package.xml
stand_ins := $(shell find wheels -type f -not -name '*.pyc')

export AMENT_PREFIX_PATH := $(prefix)
export ROS_AUTOMATIC_DISCOVERY_RANGE := LOCALHOST
# The default profile loses most images: see config/fastdds.xml.
export FASTDDS_DEFAULT_PROFILES_FILE := $(CURDIR)/config/fastdds.xml
# A sourced distribution must not mix with the environment's own ROS.
unexport PYTHONPATH LD_LIBRARY_PATH CMAKE_PREFIX_PATH COLCON_PREFIX_PATH RMW_IMPLEMENTATION \
  ROS_DISTRO PYTHONHOME FASTRTPS_DEFAULT_PROFILES_FILE _ROS_WHEELS_BOOTSTRAP_COMPLETE

.PHONY: demo test setup clean

demo: setup
	$(bin)/degfuse demo --out $(OUT)

test: setup $(stamps)/test
	$(bin)/ruff check .
	$(bin)/mypy
	$(bin)/python -m pytest -q test

setup: $(stamps)/package

clean:
	rm -rf .venv $(stamps)
	$(tidy)

$(stamps)/environment: wheels/check_machine.sh
	python=$$(sh wheels/check_machine.sh) && { test -x $(bin)/python || "$$python" -m venv $(prefix); }
	mkdir -p $(stamps) && touch $@

$(stamps)/run: $(stamps)/environment requirements/run.txt requirements/pinned.txt wheels/requirements.txt
	$(pip) install --upgrade 'pip>=24'
	$(pip) install -c requirements/pinned.txt -r requirements/run.txt -r wheels/requirements.txt
	touch $@

$(stamps)/stand_ins: $(stamps)/run $(stand_ins)
	$(bin)/python wheels/install.py
	touch $@

# Not editable: the share folder has to hold launch, config and models as in a ROS workspace.
# build/lib goes first, or a deleted module would be installed again.
$(stamps)/package: $(stamps)/stand_ins $(sources)
	$(tidy)
	$(pip) install --quiet --no-deps --no-build-isolation --force-reinstall .
	$(tidy)
	touch $@

$(stamps)/test: $(stamps)/run requirements/train.txt requirements/evaluate.txt requirements/export.txt \
  requirements/bag.txt requirements/ray.txt requirements/test.txt
	$(pip) install -c requirements/pinned.txt -r requirements/run.txt -r requirements/train.txt -r requirements/evaluate.txt \
	  -r requirements/export.txt -r requirements/bag.txt -r requirements/ray.txt \
	  -r requirements/test.txt
	touch $@
