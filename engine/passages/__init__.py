"""Sentences, passages, heading paths, identifiers and quantities."""

from engine.passages.identifiers import identifiers
from engine.passages.passages import split_passages
from engine.passages.sentences import split_sentences

__all__ = ["identifiers", "split_passages", "split_sentences"]
