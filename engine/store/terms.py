"""How terms stand in the search index."""

from collections.abc import Iterable

# The index separates terms at spaces, and SQLite ends a text at NUL.
_NO_CONTROLS = dict.fromkeys((*range(33), 127))
_ASCII_LOWER = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}
_CLEAN = {**_NO_CONTROLS, **_ASCII_LOWER}


def clean_term(term: str) -> str:
    """A term as the index holds it: without controls and blanks, ASCII in lower case."""
    term = term.translate(_CLEAN)
    return term.encode("utf-8", "replace").decode()


def join_terms(terms: Iterable[str]) -> str:
    """The terms of a passage as the index takes them, one space between them."""
    return " ".join(cleaned for term in terms if (cleaned := clean_term(term)))
