"""Lists of receipts that come as a file: payroll lists (folhas) of employers, and the return files of banks."""
