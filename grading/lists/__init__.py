"""The lists that HR hands in: which rows, which columns, how the numbers come out even; one module a question, one TOML a list."""
