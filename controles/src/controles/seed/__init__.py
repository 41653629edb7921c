"""Invented organisations: the same profile, seed and date give the same data, byte for byte."""
