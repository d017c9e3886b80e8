"""The SQLite file: opening, migrating, connections, transactions."""

import contextlib
import os
import sqlite3
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

from sqlite_utils import Database as SqliteUtils

from engine.errors import StoreError
from engine.store.faults import translated
from engine.store.migrations import MIGRATIONS

FILE_NAME = "library.db"
BACKUPS = "backups"
_APPLICATION_ID = 0x43484D4B  # "CHMK"
_BUSY_SECONDS = 30.0
_BACKUPS_KEPT = 3
_QUICK_CHECK_BYTES = 32 << 20


def now() -> str:
    """The time as it is stored: ISO 8601 with the offset of this place."""
    return datetime.now().astimezone().isoformat(timespec="milliseconds")


class Database:
    """A library's SQLite file. Safe to use from any thread: each has its own connection.

    Writes go through :meth:`transaction`: one at a time in this program, and in turn with other
    programs. A transaction that has ended is on the disk (WAL with ``synchronous=FULL``).
    """

    def __init__(self, folder: Path) -> None:
        """Open or create the file and bring it to the current schema.

        Call it under the library's setup lock.

        Raises:
            StoreError: ``store_newer``, ``store_broken``, ``store_full``, ``store_denied``,
                ``store_busy``.
        """
        self.path = folder / FILE_NAME
        self._local = threading.local()
        self._opened: dict[threading.Thread, sqlite3.Connection] = {}
        self._guard = threading.Lock()
        self._write = threading.RLock()
        self._closed = False
        try:
            with translated(self.path):
                self._prepare(folder / BACKUPS)
        except BaseException:
            self.close()
            raise

    @property
    def connection(self) -> sqlite3.Connection:
        """This thread's connection, in autocommit mode; use it for reading."""
        connection = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._connect()
        return connection

    @property
    def tables(self) -> SqliteUtils:
        """This thread's connection as sqlite-utils sees it, for reading and for schemas."""
        return SqliteUtils(self.connection, recursive_triggers=False, execute_plugins=False)

    @contextlib.contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All or nothing; inside another transaction of this thread, a part of that one.

        Raises:
            StoreError: ``store_busy`` when another program writes for too long, ``store_full``,
                ``store_denied``, ``store_broken``.
        """
        with self._write, translated(self.path):
            connection = self.connection
            if connection.in_transaction:
                yield connection
                return
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                # A full disk may already have ended the transaction.
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    @contextlib.contextmanager
    def snapshot(self) -> Iterator[sqlite3.Connection]:
        """Several reads that see one state of the library."""
        with translated(self.path):
            connection = self.connection
            if connection.in_transaction:
                yield connection
                return
            connection.execute("BEGIN")
            try:
                yield connection
            finally:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")

    def backup(self, target: Path) -> None:
        """Copy the whole database, with what its log holds, to a new file.

        Raises:
            OSError: The target cannot be written.
            sqlite3.Error: The database cannot be read.
        """
        part = target.with_suffix(".part")
        part.unlink(missing_ok=True)
        copy = sqlite3.connect(part)
        try:
            self.connection.backup(copy)
            copy.close()
            part.replace(target)
        finally:
            copy.close()
            part.unlink(missing_ok=True)

    def close(self) -> None:
        """Close the connections of all threads; no thread may be using one."""
        with self._guard:
            self._closed = True
            for connection in self._opened.values():
                connection.close()
            self._opened.clear()
        self._local = threading.local()

    def _connect(self) -> sqlite3.Connection:
        with self._guard:
            if self._closed:
                raise RuntimeError("the library is closed")
            connection = sqlite3.connect(
                self.path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
            )
            # A thread that Python did not start may stand under the name of one that has ended.
            current = threading.current_thread()
            ended = [t for t in self._opened if t is current or not t.is_alive()]
            for thread in ended:
                self._opened.pop(thread).close()
            self._opened[current] = connection
            self._local.connection = connection
        for pragma in (
            "synchronous=FULL",
            "foreign_keys=ON",
            "secure_delete=FAST",
            "temp_store=MEMORY",
            "cache_size=-32768",
            "journal_size_limit=67108864",
            "trusted_schema=OFF",
        ):
            connection.execute(f"PRAGMA {pragma}")
        return connection

    def _prepare(self, backups: Path) -> None:
        existing = self.path.exists() and self.path.stat().st_size > 0
        if existing:
            self._refuse_foreign()
        connection = self.connection
        if not os.access(self.path, os.W_OK):
            raise StoreError("store_denied", path=str(self.path))
        applied = self._applied()
        pending = [step for step in MIGRATIONS if step[0] not in applied]
        if existing and (pending or self.path.stat().st_size <= _QUICK_CHECK_BYTES):
            _quick_check(connection, self.path)
        connection.execute("PRAGMA journal_mode=WAL")
        if not pending:
            return
        if existing and applied:
            backups.mkdir(exist_ok=True)
            stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%f")
            self.backup(backups / f"library-{stamp}-{len(applied)}.db")
            for old in sorted(backups.glob("library-*.db"))[:-_BACKUPS_KEPT]:
                old.unlink()
        for name, step in pending:
            with self.transaction() as writer:
                writer.execute(
                    "CREATE TABLE IF NOT EXISTS migrations"
                    " (name TEXT PRIMARY KEY, applied TEXT NOT NULL)"
                )
                step(self.tables)
                writer.execute("INSERT INTO migrations VALUES (?, ?)", (name, now()))
                count = writer.execute("SELECT count(*) FROM migrations").fetchone()[0]
                writer.execute(f"PRAGMA application_id={_APPLICATION_ID}")
                writer.execute(f"PRAGMA user_version={count}")

    def _refuse_foreign(self) -> None:
        """Refuse a newer or a foreign file before anything is written to it."""
        connection = sqlite3.connect(_read_only(self.path), uri=True, timeout=_BUSY_SECONDS)
        try:
            version = connection.execute("PRAGMA user_version").fetchone()[0]
            application = connection.execute("PRAGMA application_id").fetchone()[0]
            tables = {
                row[0]
                for row in connection.execute("SELECT name FROM sqlite_master WHERE type='table'")
            }
            if not tables and application == 0:
                return
            if application != _APPLICATION_ID or "migrations" not in tables:
                raise StoreError("store_broken", path=str(self.path), cause="not a library")
            names = {row[0] for row in connection.execute("SELECT name FROM migrations")}
        finally:
            connection.close()
        if version > len(MIGRATIONS) or names - {name for name, _ in MIGRATIONS}:
            raise StoreError("store_newer", path=str(self.path), version=version)

    def _applied(self) -> set[str]:
        if "migrations" not in self.tables.table_names():
            return set()
        return {row[0] for row in self.connection.execute("SELECT name FROM migrations")}


def _read_only(path: Path) -> str:
    # Path.as_uri would make the server of a Windows share the authority, which SQLite refuses.
    plain = quote(os.fsencode(path.absolute().as_posix()))
    return f"file://{'' if plain.startswith('/') else '/'}{plain}?mode=ro"


def _quick_check(connection: sqlite3.Connection, path: Path) -> None:
    verdict = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if verdict != "ok":
        raise StoreError("store_broken", path=str(path), cause=str(verdict))
