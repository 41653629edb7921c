"""Slices of tables: the rows whose column has one value, or falls into one bucket.

Imports `_catalog` and the layers below it.
"""
