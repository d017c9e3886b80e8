"""The lines of ``bench_encoder.py``, their gates and their table."""
