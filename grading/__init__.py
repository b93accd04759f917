"""What it is worth: marks, the nbgrader gradebook, pass records, exports; the worker that does the long work."""
