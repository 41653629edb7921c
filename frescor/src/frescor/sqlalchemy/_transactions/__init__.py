"""What one transaction has changed so far, how old its snapshot is, and whose it is.

Imports `_statements` and what is below.
"""
