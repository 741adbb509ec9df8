"""Simulated clusters against their truth.

With the command line the only part that wires the simulator and ingest to the analyses.

:func:`~reliability.validation.harness.validate` does the work, :mod:`~reliability.validation.page` and
:mod:`~reliability.validation.markdown` show what it found. A new analysis is held against the truth by one entry in
:mod:`~reliability.validation.measures`.
"""
