"""Internal-consistency checks of the papers, from their printed figures alone."""

from papers.checks.audit import CHECK_VERDICTS, CheckResult, audit_table, run_checks

__all__ = ["CHECK_VERDICTS", "CheckResult", "audit_table", "run_checks"]
