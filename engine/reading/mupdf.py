"""PyMuPDF, without the page layout models that version 2 loads whenever it is imported.

They are not used here and cost a second and 100 MB in each process.
"""

import importlib
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pymupdf
else:
    _LAYOUT = "pymupdf.layout"
    if "pymupdf" not in sys.modules:
        # None makes the import system report the module as missing, which PyMuPDF allows for.
        sys.modules[_LAYOUT] = None
        pymupdf = importlib.import_module("pymupdf")
        del sys.modules[_LAYOUT]
    else:
        pymupdf = sys.modules["pymupdf"]
    pymupdf.TOOLS.mupdf_display_errors(False)
    pymupdf.TOOLS.mupdf_display_warnings(False)

__all__ = ["pymupdf"]
