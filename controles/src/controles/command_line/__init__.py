"""What every command writes on a terminal, and how it fails: one sentence, no control character.

May import `domain`. The commands themselves stand in their subject (`<subject>/cli.py`) or in `commands`.
"""
