"""Exports of an answer with its evidence: marked PDF, Word, HTML and JSON."""

from engine.export.registry import EXPORTERS, SUPPORTED_SUFFIXES, export
from engine.export.source import ExportSource, Language

__all__ = ["EXPORTERS", "SUPPORTED_SUFFIXES", "ExportSource", "Language", "export"]
