"""What is asked, of whom and when, and what was answered: blueprints, papers, notebooks, sittings, attempts, saves."""
