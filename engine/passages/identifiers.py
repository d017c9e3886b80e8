"""Identifiers and quantities of a text; the rules live in ``engine.notation``."""

from engine.notation.identifiers import identifiers

__all__ = ["identifiers"]
