"""Whole syncs of a fast API on loopback, timed as processes beside others that do the same job.

Run by `python -m tests.benchmarks`, not by pytest; `docs/performance.md` says what the figures mean.
"""
