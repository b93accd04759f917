"""nbgrader: the only place that imports it."""
