"""One process at work: its state, running loads, leases, counters, and the drivers that carry out plans.

Imports `_plan` and the layers below it.
"""
