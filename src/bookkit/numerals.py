"""Numbers as readers see them: no false digits, no minus zero, no zero that is none."""

from __future__ import annotations

MINUS = "\N{MINUS SIGN}"
PERCENT = "\N{NO-BREAK SPACE}%"
SMALLEST_P = 0.001
_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def significant(value: float, digits: int = 3) -> str:
    """Return a number with so many significant digits; whole thousands keep all of theirs.

    Examples
    --------
    >>> significant(0.51234), significant(-12.3456), significant(123456.7), significant(-0.0)
    ('0.512', '−12.3', '123,457', '0')
    >>> significant(4.0689e-05)
    '4.07 × 10⁻⁵'
    """
    size = abs(value)
    if size == 0:
        return "0"
    if size < 1e-4 or size >= 1e9:
        return scientific(value, digits)
    if size >= 10 ** (digits - 1):
        return f"{value:,.0f}".replace("-", MINUS)
    return f"{value:#.{digits}g}".rstrip(".").replace("-", MINUS)


def scientific(value: float, digits: int = 3) -> str:
    """Return a number as a factor and a power of ten.

    Examples
    --------
    >>> scientific(-3.21e-07, 1)
    '−3 × 10⁻⁷'
    """
    return _raised(f"{value:.{digits - 1}e}")


def _raised(text: str) -> str:
    factor, _, power = text.partition("e")
    return f"{factor} × 10{str(int(power)).translate(_RAISED)}".replace("-", MINUS)


def p_value(p: float) -> str:
    """Return a p or q value with three decimals, or that it is below the smallest of these.

    Examples
    --------
    >>> p_value(0.0412), p_value(0.00002), p_value(1.0)
    ('0.041', '< 0.001', '1')
    """
    if p < SMALLEST_P:
        return f"< {SMALLEST_P}"
    return "1" if p == 1 else f"{p:.3f}"


def with_format(value: float, spec: str) -> str:
    r"""Return a number in a Python format, or its size where that would round it to zero.

    "−0.00" and "at most 0.000" say nothing about a number that is not zero.

    Examples
    --------
    >>> with_format(-0.0312, ".2f"), with_format(-0.00004, ".2f"), with_format(0.0, ".2f")
    ('−0.03', '−4 × 10⁻⁵', '0.00')
    >>> with_format(0.0031, ".0%"), with_format(0.0000407, ".3g")
    ('0.3\xa0%', '4.07 × 10⁻⁵')
    """
    text = format(value + 0.0, spec)  # minus zero plus zero is zero
    lost = value != 0 and text.strip("-+0.,% ") == ""
    if lost and spec.endswith("%"):
        return f"{significant(100 * value, 1)}{PERCENT}"
    if lost:
        return significant(value, 1)
    return _raised(text) if "e" in text else text.replace("-", MINUS).replace("%", PERCENT)
