"""Previsto × realizado: what was expected by cotas and what was received for them, by month and by núcleo."""
