"""Who: persons, units, posts, accounts, roles; roster import; identity numbers."""
