"""How long what is kept, and how it goes: by policy, by two people, and never while a legal hold stands."""
