"""One process at work: its state, loads under way, leases, counters, and the drivers that carry out plans.

Imports `_plan` and what is below.
"""
