"""Writes the sample documents from the texts in ``content`` and the tables in this package."""
