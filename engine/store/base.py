"""What the table families share."""

import contextlib
import sqlite3
from collections.abc import Iterator, Sequence
from typing import Any

from engine.errors import StoreError
from engine.store.codec import CodecError
from engine.store.database import Database
from engine.store.faults import translated
from engine.store.originals import Originals


class Part:
    """A table family of the store."""

    _database: Database
    _originals: Originals

    def _one(self, sql: str, parameters: Sequence[Any] = ()) -> Any:
        with translated(self._database.path):
            return self._database.connection.execute(sql, parameters).fetchone()

    def _all(self, sql: str, parameters: Sequence[Any] = ()) -> list[Any]:
        with translated(self._database.path):
            return self._database.connection.execute(sql, parameters).fetchall()

    @contextlib.contextmanager
    def _decoding(self, revision_id: int) -> Iterator[None]:
        try:
            yield
        except (CodecError, ValueError, TypeError, KeyError, IndexError, sqlite3.Error) as error:
            raise StoreError(
                "store_broken", path=str(self._database.path), revision_id=revision_id
            ) from error
