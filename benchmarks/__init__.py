"""Measurements against peers, side by side in one run: see README.md."""
