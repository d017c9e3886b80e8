import json
import sys
import threading

import pytest

from engine.json_input import load_json


@pytest.fixture
def quick_turns():
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-4)
    yield
    sys.setswitchinterval(before)


def turns_during(read) -> int:
    """How often another thread runs while ``read`` does."""
    counted, stop = [], threading.Event()

    def count() -> None:
        while not stop.wait(1e-5):
            counted.append(None)

    thread = threading.Thread(target=count)
    thread.start()
    before = len(counted)
    read()
    after = len(counted)
    stop.set()
    thread.join()
    return after - before


def test_other_threads_have_their_turn(quick_turns: None):
    text = json.dumps([[number, number / 7] for number in range(150_000)])
    assert load_json(text) == json.loads(text)
    assert turns_during(lambda: load_json(text)) > 20
    assert turns_during(lambda: json.loads(text)) < 5


@pytest.mark.parametrize("text", ["", "[1, 2", "[1] 2", "nothing"])
def test_what_is_no_json_is_refused(text):
    with pytest.raises(json.JSONDecodeError):
        load_json(text)
