"""Lists of words that belong together, one thing a line; the files say how they are written."""

from importlib.resources import files


def manufacturing_terms() -> str:
    """Words of a workshop in Japanese and English."""
    return (files(__name__) / "manufacturing.txt").read_text(encoding="utf-8")


def everyday_terms() -> str:
    """Everyday words and the words of documents that answer them, in Japanese and English."""
    return (files(__name__) / "everyday.txt").read_text(encoding="utf-8")
