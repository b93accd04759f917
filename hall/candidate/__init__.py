"""The candidates' app: log in, rules, paper, hand-in. Reads exam.db and release/, nothing else."""
