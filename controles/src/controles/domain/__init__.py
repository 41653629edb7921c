"""Values that the whole organisation speaks of: money, CPF, months, whose data a reader sees, what a service refuses.

Imports nothing else of Controles and no Flask. Every room may import it.
"""
