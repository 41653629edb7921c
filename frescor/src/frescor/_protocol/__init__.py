"""The protocol's commands and their results, as plain values that plans, drivers and stores share.

Imports `_calls` and the layers below it; does no I/O.
"""
