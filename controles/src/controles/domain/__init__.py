"""Values of the whole organisation: money, CPF, months, whose data a reader may see, and errors of services.

Imports nothing else of Controles and no Flask. Every folder may import it.
"""
