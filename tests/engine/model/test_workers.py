"""Pieces of work on several threads, results in order."""

import threading
import time

import pytest

from engine.model.workers import Workers


@pytest.mark.parametrize("threads", [1, 3])
def test_results_come_in_the_order_of_the_pieces(threads):
    def work(piece: int) -> int:
        time.sleep(0.002 * (piece % 3))
        return piece * piece

    assert list(Workers(threads).ordered(work, range(20))) == [n * n for n in range(20)]


def test_pieces_run_at_the_same_time():
    met = threading.Barrier(2, timeout=10)
    assert len(list(Workers(2).ordered(lambda _: met.wait(), range(4)))) == 4


def test_one_thread_means_the_thread_that_takes_the_results():
    names = set(Workers(1).ordered(lambda _: threading.current_thread().name, range(3)))
    assert names == {threading.current_thread().name}


@pytest.mark.parametrize("threads", [1, 2])
def test_an_error_is_raised_in_its_place(threads):
    results = Workers(threads).ordered(lambda n: 6 // n, [3, 2, 0, 1])
    assert [next(results), next(results)] == [2, 3]
    with pytest.raises(ZeroDivisionError):
        next(results)


def test_closing_early_waits_for_what_has_begun_and_drops_the_rest():
    begun, ended = [], []

    def work(piece: int) -> int:
        begun.append(piece)
        time.sleep(0.02)
        ended.append(piece)
        return piece

    results = Workers(2).ordered(work, range(1000))
    assert next(results) == 0
    results.close()
    assert sorted(ended) == sorted(begun)
    assert len(begun) < 10
    time.sleep(0.05)
    assert len(begun) == len(ended) < 10
