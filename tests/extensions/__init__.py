"""One extension for each seam, as `docs/extending.md` shows them; `tests/benchmarks/extend.py` adds and runs them."""
