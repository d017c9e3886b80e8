"""Time and memory of an encoder pass, measured in a process of its own."""

import threading
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection

import psutil

from engine.evaluate.joined_documents import LongDocument
from engine.evaluate.variants import Variant, open_variant
from engine.model.pack import Pack
from engine.progress import CancelToken, run

# Characters that are encoded before the clock runs, so that no session runs for the first time.
_WARM_UP = 4000
_POLL_SECONDS = 0.05
_SAMPLE_SECONDS = 0.005


@dataclass(frozen=True, slots=True)
class Cost:
    """What a pass took.

    Attributes:
        seconds: Wall time.
        memory: Bytes by which the process grew from the loaded model to its peak.
    """

    seconds: float
    memory: int


class PeakMemory:
    """Samples the resident memory of this process while the ``with`` block runs.

    Peaks shorter than ``_SAMPLE_SECONDS`` may be missed.

    Attributes:
        growth: Bytes from the beginning to the peak, known at the end.
    """

    def __init__(self) -> None:
        self.growth = 0
        self._process = psutil.Process()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> "PeakMemory":
        self._before = self._peak = self._process.memory_info().rss
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self._look()
        self.growth = self._peak - self._before

    def _watch(self) -> None:
        while not self._stop.wait(_SAMPLE_SECONDS):
            self._look()

    def _look(self) -> None:
        self._peak = max(self._peak, self._process.memory_info().rss)


def pass_cost(
    pack: Pack, variant: Variant, document: LongDocument, threads: int, cancel: CancelToken
) -> Cost:
    """Encode a document once in a new process, after a short text to warm up.

    Args:
        pack: From :func:`engine.evaluate.variants.variant_pack`.
        variant: How it reads.
        document: What is encoded.
        threads: Threads of the linear algebra.
        cancel: Stops the process.

    Raises:
        OSError: The process ended without a result, for lack of memory perhaps.
        engine.errors.Cancelled: ``cancel`` was set.
    """
    context = get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(
        target=_measure, args=(theirs, pack, variant, document, threads), daemon=True
    )
    process.start()
    theirs.close()
    try:
        while not ours.poll(_POLL_SECONDS):
            cancel.check()
        return ours.recv()
    except EOFError:
        process.join()
        raise OSError(f"{variant.name}: the process ended with {process.exitcode}") from None
    finally:
        process.terminate()
        process.join()
        ours.close()


def _measure(
    connection: Connection, pack: Pack, variant: Variant, document: LongDocument, threads: int
) -> None:
    encoder = open_variant(pack, variant, threads)
    cancel = CancelToken()
    with PeakMemory() as peak:
        run(encoder.encode(document.text[:_WARM_UP], (), (), cancel=cancel, fidelity_sample=0))
        job = encoder.encode(document.text, document.spans, (), cancel=cancel, fidelity_sample=0)
        seconds = run(job).seconds
    connection.send(Cost(seconds, peak.growth))
