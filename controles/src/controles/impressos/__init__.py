"""Printing as PDF: paper size, heading and typeface. The contents belong to the feature that prints."""
