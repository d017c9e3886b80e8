"""Training of the encoder: tokenizer, distillation and retrieval, from the corpus to a checkpoint.

Each stage is a command of ``python -m engine.training``. Needs the extra ``train``.
"""
