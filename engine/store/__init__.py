"""The library on the disk: SQLite, originals, migrations, checks."""

from engine.store.documents import Known
from engine.store.keys import absolute, path_key
from engine.store.listing import Current
from engine.store.postings import StoredPostings
from engine.store.store import Store, is_own_name

__all__ = [
    "Current", "Known", "Store", "StoredPostings", "absolute", "is_own_name", "path_key",
]  # fmt: skip
