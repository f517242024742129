"""From recognised text to a verdict: reading → n-grams → ONNX → call-level policy; and why."""
