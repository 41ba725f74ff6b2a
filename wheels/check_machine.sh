#!/bin/sh
# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
#
# Prints the Python to build the environment with, or says what this machine lacks and how to
# install it. pip cannot bring: Python 3.11 or 3.12 (ROS wheels exist for no other) with venv and
# its headers, and a C++ compiler (for vision_msgs).

fail() {
    echo "degfuse_ros: $1" >&2
    exit 1
}

machine="$(uname -s) $(uname -m)"
[ "$machine" = 'Linux x86_64' ] ||
    fail "ROS 2 from PyPI exists for Linux x86_64, this is $machine; use a ROS distribution and colcon (README.md)"

# PYTHON, if set, is the one to use.
for name in ${PYTHON:-python3 python3.12 python3.11}; do
    version=$("$name" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null) || continue
    case "$version" in
        3.11 | 3.12) python=$name; break ;;
        *) others="$others $version" ;;
    esac
done
[ -n "$python" ] ||
    fail "needs Python 3.11 or 3.12, found${others:- none}; on Debian 12 or Ubuntu 24.04: sudo apt-get install -y python3 python3-venv python3-dev g++"

# Debian splits Python; the packages of a Python that is not the default carry its version.
package=python3
[ "$("$name" -c 'import sys; print(sys.version_info[:2])')" = \
  "$(python3 -c 'import sys; print(sys.version_info[:2])' 2>/dev/null)" ] || package=python$version

missing=
"$python" -c 'import ensurepip, venv' 2>/dev/null || missing="$missing $package-venv"
"$python" -c 'import os, sys, sysconfig
sys.exit(not os.path.exists(os.path.join(sysconfig.get_path("include"), "Python.h")))' ||
    missing="$missing $package-dev"
command -v g++ >/dev/null || command -v c++ >/dev/null || missing="$missing g++"
[ -z "$missing" ] || fail "this machine lacks:$missing; run: sudo apt-get install -y$missing"

command -v "$python"
