"""Assemblies: who may vote at one, as it was when the roll was issued, and the sheet that is signed."""
