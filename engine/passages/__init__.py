"""Sentences, passages, heading paths, identifiers and quantities."""
