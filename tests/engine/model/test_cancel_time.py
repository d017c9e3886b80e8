"""How long the encoder that ships works on after it was cancelled."""

import threading
import time

import pytest

from engine.errors import Cancelled
from engine.model.encoder import Encoder
from engine.model.pack import load_pack
from engine.models import default_pack
from engine.progress import CancelToken

LIMIT = 0.2
LINE = "{0}. ポンプ P-{0} の軸受は {0} N·m で締め付ける。 Check bearing {0} for wear every year.\n"


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return Encoder.load(load_pack(default_pack()), threads=1)


@pytest.fixture(scope="module")
def text(encoder: Encoder) -> str:
    made = "".join(LINE.format(number) for number in range(475))
    assert 8_000 < len(encoder.tokenizer.tokenize(made).ids) < 16_000
    return made


@pytest.mark.parametrize(("share", "delay"), [(0.001, 0.0), (0.1, 0.01), (0.3, 0.1), (0.5, 0.05)])
def test_cancelling_stops_the_work_within_a_fifth_of_a_second(encoder, text, share, delay):
    """In processor time of the encoding thread, which a busy machine does not stretch.

    The token is set some time after a share of the work, so that it falls into any of the steps.
    """
    cancel, reached, steps, was_set = CancelToken(), threading.Event(), [], []

    def set_token() -> None:
        reached.wait(60)
        time.sleep(delay)
        was_set.append(time.perf_counter())
        cancel.cancel()

    setter = threading.Thread(target=set_token, daemon=True)
    setter.start()
    spans = [(start, start + 60) for start in range(0, len(text), 60)]
    job = encoder.encode(text, spans, spans, cancel=cancel)
    with pytest.raises(Cancelled):
        for progress in job:
            steps.append((time.perf_counter(), time.thread_time()))
            if progress.done >= share * 1000:
                reached.set()
    stopped = time.thread_time()
    setter.join()
    # From the step before, since no thread can read another's time everywhere.
    began = max(used for at, used in steps if at <= was_set[0])
    assert stopped - began < LIMIT
