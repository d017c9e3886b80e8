"""Functions that a reader process is asked to run; most of them misbehave."""

import ctypes
import os
import time

import numpy as np

from engine.errors import ExportError


def hang():
    while True:
        time.sleep(1)


def spin():
    while True:
        pass


def eat_memory_slowly():
    held = []
    while True:
        held.append(np.ones(4_000_000))
        time.sleep(0.01)


def eat_memory_at_once():
    return np.ones(10_000_000_000)


def exit_hard(code):
    os._exit(code)


def segfault():
    ctypes.string_at(0)


def fail():
    raise KeyError("defect")


def refuse():
    raise ExportError("export_format", suffix=".xyz")


def unpicklable():
    return lambda: None


def print_noise():
    print("noise on standard output")  # noqa: T201
    os.write(2, b"")
    return os.getpid()


def make_array(count):
    return np.arange(count, dtype=np.int32)
