"""Answers and marks from paper: typed in twice by two people, compared, and only then taken as scripts."""
