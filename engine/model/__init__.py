"""Model packs, the tokenizer and the encoder. ONNX Runtime is imported when a pack is loaded."""
