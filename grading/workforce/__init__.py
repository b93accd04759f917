"""Workforce certification: who holds what since when until when, what is missing, what falls due (``domain.md`` B).

Kinds are data (``kinds/*.toml``), the clock is pure (:mod:`grading.workforce.clock`), the tables are ``certification``,
``certification_step`` and ``training_hours``. A home's own ``secret/workforce`` replaces shipped files of the same name.
"""
