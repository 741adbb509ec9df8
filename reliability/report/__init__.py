"""Reports: everything a lake can answer in one file."""

from reliability.report.writing import write_report

__all__ = ["write_report"]
