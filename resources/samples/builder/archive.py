"""Makes zip-based office files independent of the time they were written."""

import re
import zipfile
from pathlib import Path

FIXED = (2025, 4, 21, 9, 0, 0)
STAMP = b"2025-04-21T00:00:00Z"


def fix_times(path: Path) -> None:
    """Rewrite an office file in place with fixed times, inside and out."""
    with zipfile.ZipFile(path) as source:
        members = [(entry.filename, source.read(entry)) for entry in source.infolist()]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:
        for name, data in members:
            if name == "docProps/core.xml":
                data = re.sub(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", STAMP, data)
            entry = zipfile.ZipInfo(name, FIXED)
            entry.compress_type = zipfile.ZIP_DEFLATED
            target.writestr(entry, data)
