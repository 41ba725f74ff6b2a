# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Counting drops."""
import threading

from degfuse_ros.bags.drops import Drops


def test_first_reason_and_all_counts_from_several_threads() -> None:
    drops = Drops()
    drops.add('out_of_order')

    def add() -> None:
        for _ in range(2000):
            drops.add('kind', 'why')

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    drops.add('kind', 'later')
    assert drops.counts == {'out_of_order': 1, 'kind': 8001}
    assert drops.reasons == {'kind': 'why'}
