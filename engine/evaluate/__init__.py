"""Measuring how well the engine finds things, and calibrating it."""
