"""Measurements of what the product promises. See docs/benchmarks.md."""
