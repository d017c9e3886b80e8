"""The model of a library: one pack, loaded when it is first needed."""

import threading
from collections.abc import Mapping
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

from engine.errors import PackError
from engine.model.encoder import Encoder
from engine.model.pack import Pack, load_pack

DEFAULT_PACK = "chumoku-base"


def default_pack() -> Path:
    """Folder of the pack that is shipped.

    Raises:
        PackError: ``pack_missing``.
    """
    with as_file(files("resources") / "packs" / DEFAULT_PACK) as folder:
        if not folder.is_dir():
            raise PackError("pack_missing", path=str(folder))
        return folder


class Models:
    """Loads the pack once and remembers why it cannot be used. Safe to use from any thread.

    Args:
        folder: Folder of the pack; None for the one that is shipped.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._encoder: Encoder | None = None
        self._error: PackError | None = None

    def encoder(self) -> Encoder:
        """The encoder, loaded on the first call.

        Raises:
            PackError: The pack cannot be used; the same one on every call.
        """
        with self._lock:
            if self._error is not None:
                raise self._error
            if self._encoder is None:
                try:
                    self._encoder = Encoder.load(load_pack(self._folder or default_pack()))
                except PackError as error:
                    self._error = error
                    raise
            return self._encoder

    def pack(self) -> Pack:
        """The pack of :meth:`encoder`.

        Raises:
            PackError: The pack cannot be used.
        """
        return self.encoder().pack

    def pack_hash(self) -> str | None:
        """Identity of the pack, or None if it cannot be used."""
        try:
            return self.pack().pack_hash
        except PackError:
            return None

    def encoder_hash(self) -> str | None:
        """Identity of the pack's encoder, or None if it cannot be used."""
        try:
            return self.pack().encoder_hash
        except PackError:
            return None

    def info(self) -> Mapping[str, Any]:
        """Name, revision and hash of the pack, or ``{"error": code}``."""
        try:
            pack = self.pack()
        except PackError as error:
            return {"error": error.code}
        return {
            "name": pack.name,
            "revision": pack.revision,
            "hash": pack.pack_hash,
            "licence": pack.licence,
            "languages": list(pack.languages),
        }
