"""The engine: reads, understands, searches, explains and stores documents. No Qt here."""

import os

# NumPy's BLAS reads this when it is first imported. Its own threads would spin on the cores that
# ONNX Runtime computes on: on two busy cores that tripled the processor time of an analysis.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
