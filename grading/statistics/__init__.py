"""HR's pictures: pass rates, gaps, certifications and what falls due, as counts in which no small group can be read."""
