"""Benchmarks; `make bench` runs them all and prints the ratios last."""
