"""What can be asked: items, the law registry, item kinds, the marking of one answer, checks, sign-off."""
