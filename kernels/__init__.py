"""Sparse attention. Knows nothing of documents."""

# Hugging Face transformers probes any package named ``kernels`` for a version; 0.0.0 is below
# every version it would accept, so it leaves ours alone.
__version__ = "0.0.0"
