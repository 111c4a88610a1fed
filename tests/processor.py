"""What the processor of these tests and benchmarks can do."""

from pipeline.training.machine import read_processor

HAS_BFLOAT16 = bool({"avx512_bf16", "amx_bf16"} & set(read_processor()["instructions"].split()))
"""Of the processor; oneDNN fails where a setting takes these instructions away, and computes without them elsewhere."""
