"""The item kinds: one module each."""
