"""Commands that concern several subjects. `cli.py` beside this folder registers all commands.

May import every subject.
"""
