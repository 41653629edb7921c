"""What a call is: policies, functions and arguments, keys, and the load that a call leads to.

Imports `_values` and what is below.
"""
