"""The protocol's commands and what they come to, as plain values that plans, drivers and stores share.

Imports `_calls` and what is below; no input or output.
"""
