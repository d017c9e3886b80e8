import os

import psutil
import pytest

from engine.model.runtime import thread_count


@pytest.mark.parametrize(
    ("physical", "logical", "allowed", "threads"),
    [
        (1, 2, 2, 1),
        (2, 4, 4, 2),
        (3, 6, 6, 2),
        (4, 8, 8, 3),
        (8, 16, 16, 7),
        (8, 16, 1, 1),
        (8, 16, 2, 2),
        (8, 16, 5, 4),
        # psutil does not tell physical cores everywhere, nor Python how many there are.
        (None, 6, 6, 5),
        (None, 6, 2, 2),
        (None, None, 4, 1),
    ],
)
def test_threads_are_the_cores_of_the_process_less_one_for_the_window(
    monkeypatch, physical, logical, allowed, threads
):
    monkeypatch.setattr(psutil, "cpu_count", lambda logical: None if logical else physical)
    monkeypatch.setattr(os, "cpu_count", lambda: logical)
    cores = list(range(allowed))
    monkeypatch.setattr(psutil.Process, "cpu_affinity", lambda _: cores, raising=False)
    assert thread_count() == threads


@pytest.mark.parametrize(("physical", "threads"), [(1, 1), (4, 3)])
def test_threads_where_a_process_cannot_be_bound_to_cores(monkeypatch, physical, threads):
    monkeypatch.setattr(psutil, "cpu_count", lambda logical: physical)
    monkeypatch.delattr(psutil.Process, "cpu_affinity", raising=False)
    assert thread_count() == threads
