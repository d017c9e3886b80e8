"""The library on the disk."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType

from filelock import Timeout

from engine.errors import StoreError
from engine.store import owners
from engine.store.checks import Checks
from engine.store.database import BACKUPS, FILE_NAME, Database
from engine.store.evidence import EvidenceTable
from engine.store.faults import translated
from engine.store.originals import Originals
from engine.store.work import Work

_FILES = "files"
_LOCKS = "locks"


def is_own_name(name: str) -> bool:
    """Whether an entry of a library's folder is the library's own."""
    return name in (_FILES, _LOCKS, BACKUPS) or name.startswith(FILE_NAME)


class Store(Checks, Work, EvidenceTable):
    """A library: documents, passages, search index, encodings and evidence, in one folder.

    Safe to use from any thread, and by several programs at once. Whatever a method has reported
    as done is on the disk. The folder holds ``library.db`` (SQLite), ``files/<sha256>`` (an exact
    copy of each revision's original), ``locks/`` and, after an upgrade, ``backups/``.
    """

    def __init__(self, folder: Path, database: Database, owner: owners.Owner) -> None:
        """Use :meth:`open`."""
        self.folder = folder
        self._locks = folder / _LOCKS
        self._database = database
        self._owner: owners.Owner | None = owner
        self._owner_name = owner.name
        self._originals = Originals(folder / _FILES, owner.name)

    @classmethod
    def open(cls, folder: Path) -> Store:
        """Open the library in a folder, or make a new one there.

        An earlier version's library is backed up and upgraded. What programs that have ended left
        ``running`` becomes ``interrupted``.

        Raises:
            StoreError: ``store_newer``: written by a newer version, left untouched;
                ``store_broken``, ``store_full``, ``store_denied``, ``store_busy``.
        """
        locks = folder / _LOCKS
        with translated(folder):
            locks.mkdir(parents=True, exist_ok=True)
            (folder / _FILES).mkdir(exist_ok=True)
            try:
                with owners.setup_lock(locks):
                    database = Database(folder)
                    try:
                        owners.sweep(locks)
                        store = cls(folder, database, owners.Owner(locks))
                        store._tidy()
                    except BaseException:
                        database.close()
                        raise
            except Timeout as error:
                raise StoreError("store_busy", path=str(folder)) from error
        return store

    def close(self) -> None:
        """Give back what this program has taken on and close; no thread may be using it."""
        if self._owner is None:
            return
        try:
            self._release_all()
        finally:
            self._database.close()
            self._owner.release()
            self._owner = None

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _tidy(self) -> None:
        self.recover()
        with self._database.transaction() as writer:
            used = {row[0] for row in writer.execute("SELECT sha256 FROM revisions")}
            self._originals.sweep(used, self._is_alive)
