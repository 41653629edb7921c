"""What is printed as PDF: the sheet, its head, its typeface. What stands on it is each subject's own."""
