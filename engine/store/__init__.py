"""The library on the disk: SQLite, originals, migrations, checks."""

from engine.store.documents import Known
from engine.store.keys import path_key
from engine.store.listing import Current
from engine.store.postings import StoredPostings
from engine.store.store import Store

__all__ = ["Current", "Known", "Store", "StoredPostings", "path_key"]
