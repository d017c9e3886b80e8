"""Pieces of a pass on several cores at once, their results in order."""

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import TypeVar

P = TypeVar("P")
R = TypeVar("R")

_AHEAD = 2  # pieces in work or done for each thread, so that none waits for whoever takes results


class Workers:
    """Threads that work on independent pieces.

    A piece runs on one core from its first operation to its last: there is nothing to wait for
    between operations, and what it computes does not depend on the number of threads.
    """

    def __init__(self, threads: int) -> None:
        """Keep ``threads`` threads; with one, pieces run where the results are taken."""
        self._ahead = _AHEAD * threads
        self._pool = ThreadPoolExecutor(threads, "encoder") if threads > 1 else None

    def ordered(self, work: Callable[[P], R], pieces: Iterable[P]) -> Generator[R, None, None]:
        """``work`` of each piece, in the order of the pieces; ``work`` must be thread-safe.

        An exception of ``work`` is raised in its place. When the iterator is closed early, what
        has begun is waited for and the rest is dropped.
        """
        if self._pool is None:
            yield from map(work, pieces)
            return
        pending: deque[Future[R]] = deque()
        try:
            for piece in pieces:
                pending.append(self._pool.submit(work, piece))
                if len(pending) >= self._ahead:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:
            for future in pending:
                future.cancel()
            wait(pending)
