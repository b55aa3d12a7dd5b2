"""Timed figures, as ratios measured in one run. `python -m tests.bench NAME` prints JSON."""
