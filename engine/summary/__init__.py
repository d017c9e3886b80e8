"""Extractive summaries: sentences of a document, word for word."""
