"""How texts, values and arrays become bytes in the database, without pickle.

A library may come from somebody else: nothing read here can run code, and no blob inflates beyond
the size that its header allows.
"""

import json
import math
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np

_DTYPES = ("<f4", "<f2", "<i4", "<i8", "|i1", "|u1")
_MAX_INFLATED = 1 << 30


class CodecError(ValueError):
    """A stored blob cannot be decoded: the library is damaged."""


def pack_text(text: str, level: int = 6) -> bytes:
    """Compressed UTF-8; lone surrogates survive."""
    return zlib.compress(text.encode("utf-8", "surrogatepass"), level)


def unpack_text(blob: bytes) -> str:
    """The inverse of :func:`pack_text`.

    Raises:
        CodecError: The blob is damaged.
    """
    try:
        return _inflate(blob, _MAX_INFLATED).decode("utf-8", "surrogatepass")
    except UnicodeDecodeError as error:
        raise CodecError("not a text") from error


def pack_json(value: Any, plain: Callable[[Any], Any] | None = None) -> bytes:
    """Compressed compact JSON; ``plain`` makes JSON's types of values that are of no such type."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=plain)
    return pack_text(text)


def unpack_json(blob: bytes) -> Any:
    """The inverse of :func:`pack_json`, in the course of which other threads have their turn.

    The interpreter changes threads between steps of Python code only, and some megabytes are read
    by C code in a tenth of a second. Numbers are therefore read by functions in Python.

    Raises:
        CodecError: The blob is damaged.
    """
    try:
        return json.loads(unpack_text(blob), parse_int=_int, parse_float=_float)
    except json.JSONDecodeError as error:
        raise CodecError("not JSON") from error


def _int(digits: str) -> int:
    return int(digits)


def _float(digits: str) -> float:
    return float(digits)


def pack_array(array: np.ndarray) -> tuple[str, bytes]:
    """A JSON header with dtype, shape and coding, and the bytes.

    Bytes of equal significance are put side by side before compression (as HDF5's shuffle filter
    does), which makes boxes and spans several times smaller; what does not shrink stays raw.
    """
    dtype = array.dtype.newbyteorder("<").str
    if dtype not in _DTYPES:
        raise ValueError(f"no coding for {array.dtype}")
    raw = array.astype(dtype, copy=False).tobytes()
    header: dict[str, Any] = {"dtype": dtype, "shape": list(array.shape), "coding": "raw"}
    if array.itemsize > 1 and array.size:
        columns = array.shape[-1] if array.ndim > 1 else 1
        planes = np.frombuffer(raw, np.uint8).reshape(-1, columns * array.itemsize).T
        squeezed = zlib.compress(np.ascontiguousarray(planes).tobytes(), 1)
        if len(squeezed) < 0.9 * len(raw):
            return json.dumps({**header, "coding": "shuffle", "columns": columns}), squeezed
    return json.dumps(header), raw


def unpack_array(header: str, blob: bytes) -> np.ndarray:
    """The inverse of :func:`pack_array`; the array cannot be written to.

    Raises:
        CodecError: The header or the blob is damaged.
    """
    try:
        fields = json.loads(header)
        dtype = np.dtype(fields["dtype"])
        shape = tuple(int(side) for side in fields["shape"])
        if fields["dtype"] not in _DTYPES or any(side < 0 for side in shape):
            raise CodecError("unknown array")
        size = math.prod(shape) * dtype.itemsize
        if size > _MAX_INFLATED:
            raise CodecError("array too large")
        if fields["coding"] == "shuffle":
            width = int(fields["columns"]) * dtype.itemsize
            planes = np.frombuffer(_inflate(blob, size), np.uint8).reshape(width, -1)
            blob = np.ascontiguousarray(planes.T).tobytes()
        if len(blob) != size:
            raise CodecError("array of the wrong size")
        return np.frombuffer(blob, dtype).reshape(shape)
    except (KeyError, TypeError, ValueError) as error:
        raise CodecError("damaged array") from error


def _inflate(blob: bytes, limit: int) -> bytes:
    inflater = zlib.decompressobj()
    try:
        data = inflater.decompress(blob, limit + 1)
    except zlib.error as error:
        raise CodecError("damaged blob") from error
    if len(data) > limit or not inflater.eof:
        raise CodecError("damaged blob")
    return data
