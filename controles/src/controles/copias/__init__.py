"""Copies of the whole database in one encrypted file: written, checked, and restored."""
