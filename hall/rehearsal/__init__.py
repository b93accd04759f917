"""``pufa rehearse``: a whole sitting played against the real server the day before, faults included, and what held."""
