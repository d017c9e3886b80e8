"""What can go wrong, as codes that ``app`` turns into words.

``ChumokuError`` is trouble with the environment or the input: it carries a code and details and
is shown to the user. Any other exception is a defect of ours.
"""


class Cancelled(Exception):  # noqa: N818 - not an error
    """The user stopped the work; nothing is wrong."""


class ChumokuError(Exception):
    """Trouble that the user can be told about.

    Attributes:
        code: Stable code, such as ``"file_encrypted"``.
        details: Plain values that go into the message, such as ``{"path": ...}``.
    """

    def __init__(self, code: str, **details: str | int | float) -> None:
        super().__init__(code, details)
        self.code = code
        self.details = details

    def __str__(self) -> str:
        words = ", ".join(f"{key}={value}" for key, value in self.details.items())
        return f"{self.code} ({words})" if words else self.code

    def __reduce__(self):
        return _rebuild, (type(self), self.code, self.details)


def _rebuild(kind: type[ChumokuError], code: str, details: dict) -> ChumokuError:
    return kind(code, **details)


class ReadingError(ChumokuError):
    """A file cannot be read.

    Codes: ``file_missing``, ``file_denied``, ``file_locked``, ``file_empty``, ``file_broken``,
    ``file_encrypted``, ``file_too_large``, ``file_unsupported``, ``file_no_text``,
    ``file_archive_bomb``, ``reader_timeout``, ``reader_memory``, ``reader_crashed``,
    ``internal_error``.
    """


class PackError(ChumokuError):
    """A model pack cannot be used.

    Codes: ``pack_missing``, ``pack_broken``, ``pack_hash``, ``pack_unsupported``.
    """


class StoreError(ChumokuError):
    """The library cannot be used.

    Codes: ``store_newer``, ``store_broken``, ``store_full``, ``store_denied``, ``store_busy``,
    ``document_unknown``, ``document_not_analysed``, ``evidence_unknown``, ``file_changed``.
    """


class QueryError(ChumokuError):
    """A question cannot be answered as asked. Codes: ``query_empty``, ``query_too_long``."""


class ExportError(ChumokuError):
    """An export cannot be written.

    Codes: ``export_format``, ``export_denied``, ``export_full``, ``export_source_missing``.
    """
