"""Certificates and score sheets: what is printed, what their QR code says, and how anyone checks it without us."""
