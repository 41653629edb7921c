"""What a call is: policies, functions and arguments, keys, and the load that a call may start.

Imports `_values` and the layers below it.
"""
