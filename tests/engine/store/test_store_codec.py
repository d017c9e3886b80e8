import json
import sys
import threading
import zlib

import numpy as np
import pytest

from engine.store import codec


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((0, 4), np.float32),
        np.zeros((3, 0, 2), np.int32),
        np.array(5, np.int32),
        np.repeat(np.arange(400, dtype=np.float32), 40).reshape(-1, 4),
        np.random.default_rng(1).integers(-127, 128, (50, 64)).astype(np.int8),
        np.random.default_rng(1).normal(size=(20, 384)).astype(np.float16),
        np.arange(600, dtype=">i4").reshape(2, 100, 3)[:, ::2],
        np.full((500, 4), np.nan, np.float32),
    ],
)
def test_arrays_come_back(array):
    back = codec.unpack_array(*codec.pack_array(array))
    assert back.shape == array.shape and back.dtype.kind == array.dtype.kind
    np.testing.assert_array_equal(back, array)


def test_boxes_shrink():
    boxes = np.repeat(np.random.default_rng(1).random((300, 4), np.float32), 40, axis=0)
    assert len(codec.pack_array(boxes)[1]) < boxes.nbytes / 5


def test_texts_come_back():
    for text in ("", "締付トルク\x00\ud800𠮷", "a" * 100_000):
        assert codec.unpack_text(codec.pack_text(text)) == text


@pytest.mark.parametrize("blob", [b"", b"junk", codec.pack_text("abc" * 500)[:-3],
                                  zlib.compress(b"\xff\xfe")])  # fmt: skip
def test_damaged_texts_are_named(blob):
    with pytest.raises(codec.CodecError):
        codec.unpack_text(blob)


def _changed(**fields):
    header, blob = codec.pack_array(np.zeros((400, 4), np.float32))
    return json.dumps({**json.loads(header), **fields}), blob


@pytest.mark.parametrize(
    ("header", "blob"),
    [
        ("{}", b""),
        ("[1]", b""),
        ("not json", b""),
        _changed(dtype="|O"),
        _changed(dtype="<U4"),
        _changed(shape=[401, 4]),
        _changed(shape=[-1, 4]),
        _changed(shape=[1 << 40, 4]),
        _changed(columns=3),
        _changed(columns=0),
        (_changed()[0], _changed()[1][:-2]),
        (_changed()[0], zlib.compress(bytes(1 << 22))),
    ],
)
def test_damaged_and_hostile_arrays_are_named(header, blob):
    with pytest.raises(codec.CodecError):
        codec.unpack_array(header, blob)


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
    blob = codec.pack_text(text)
    assert codec.unpack_json(blob) == json.loads(text)
    # Inflating lets other threads run by itself.
    inflating = turns_during(lambda: codec.unpack_text(blob))
    assert turns_during(lambda: codec.unpack_json(blob)) > inflating + 100


@pytest.mark.parametrize("text", ["", "[1, 2", "[1] 2", "nothing"])
def test_what_is_no_json_is_named(text):
    with pytest.raises(codec.CodecError):
        codec.unpack_json(codec.pack_text(text))
