"""How every command writes to a terminal, and how it fails: with one sentence and no control characters.

May import `domain`. The commands themselves are in their subject (`<subject>/cli.py`) or in `commands`.
"""
