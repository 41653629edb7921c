"""Commands that go across subjects. `cli.py` beside this folder puts all commands together.

May import every subject.
"""
