"""Widgets: signals out, no logic."""
