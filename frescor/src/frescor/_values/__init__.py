"""What is stored: values as bytes, entries with their header and proof, and the tags that they depend on.

Imports `frescor.errors` alone.
"""
