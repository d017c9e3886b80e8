"""How engineering text is written: folding with exact offsets, identifiers and quantities.

Shared by the siblings of the engine like ``records``; imports nothing of the engine but records.
"""
