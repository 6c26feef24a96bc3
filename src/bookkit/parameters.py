"""The parameters cell of a notebook: read as a typed schema, and checked before anything runs.

Each line of the cell reads ``name: type = default  # [low, high] description`` or
``# {a, b, c} description``. Round brackets exclude the end: ``(0, 1]``. For lists the range or
the choices hold for every element.
"""

from __future__ import annotations

import ast
import io
import json
import math
import operator
import re
import tokenize
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from helpers.errors import ParameterError

KINDS: dict[str, tuple[type, bool]] = {
    "int": (int, False),
    "float": (float, False),
    "str": (str, False),
    "bool": (bool, False),
    "list[int]": (int, True),
    "list[str]": (str, True),
}
_RANGE = re.compile(r"^([\[(])([^\[\](),]+),([^\[\](),]+)([\])])\s*(.*)$", re.DOTALL)
_CHOICES = re.compile(r"^\{([^}]*)\}\s*(.*)$", re.DOTALL)
_OPERATORS = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Pow: operator.pow,
}


@dataclass(frozen=True)
class Parameter:
    """One parameter: its type, default, and the values it may take.

    Parameters
    ----------
    name, kind, default, description
        As in the cell; `kind` is one of `KINDS`.
    low, high
        Limits, ``None`` where there is none; `open_low` and `open_high` exclude the limit itself.
    choices
        Allowed values; empty if any value of the type will do.
    """

    name: str
    kind: str
    default: Any
    description: str = ""
    low: float | None = None
    high: float | None = None
    open_low: bool = False
    open_high: bool = False
    choices: tuple = ()

    def check(self, value: Any) -> Any:
        """Return `value` in the parameter's type.

        Raises
        ------
        ParameterError
            If the type is wrong or the value is not allowed.
        """
        element, is_list = KINDS[self.kind]
        if not is_list:
            return self._check_one(element, value)
        if not isinstance(value, (list, tuple)):
            raise ParameterError(f"{self.name} is {value!r}; expected {self.kind}")
        return [self._check_one(element, item) for item in value]

    def _check_one(self, element: type, value: Any) -> Any:
        if element is float and type(value) is int:
            value = float(value)
        if type(value) is not element:
            raise ParameterError(
                f"{self.name} is {value!r} ({type(value).__name__}); expected {self.kind}"
            )
        if self.choices and value not in self.choices:
            raise ParameterError(f"{self.name} is {value!r}; choose one of {list(self.choices)}")
        if element in (int, float) and not self._inside(value):
            raise ParameterError(f"{self.name} is {value}; allowed: {self.allowed}")
        return value

    def _inside(self, value: float) -> bool:
        if math.isnan(value):
            return False
        above = self.low is None or (value > self.low if self.open_low else value >= self.low)
        below = self.high is None or (value < self.high if self.open_high else value <= self.high)
        return above and below

    @property
    def allowed(self) -> str:
        """The allowed values in words, for messages and tables."""
        if self.choices:
            return "{" + ", ".join(map(str, self.choices)) + "}"
        if self.low is None and self.high is None:
            return "any"
        left, right = "(" if self.open_low else "[", ")" if self.open_high else "]"
        return f"{left}{self.low}, {self.high}{right}"

    def read(self, text: str) -> Any:
        """Turn command-line text into a checked value; lists are separated by commas.

        Raises
        ------
        ParameterError
            If the text does not spell a value of the type.
        """
        element, is_list = KINDS[self.kind]
        if is_list:
            stripped = text.strip().removeprefix("[").removesuffix("]")
            items = [part.strip().strip("'\"") for part in stripped.split(",") if part.strip()]
            return self.check([self._read_one(element, item) for item in items])
        return self.check(self._read_one(element, text.strip()))

    def _read_one(self, element: type, text: str) -> Any:
        if element is str:
            return text
        if element is bool:
            if text.lower() in ("true", "false"):
                return text.lower() == "true"
            raise ParameterError(f"{self.name} is {text!r}; expected true or false")
        try:
            return element(text)
        except ValueError as error:
            raise ParameterError(f"{self.name} is {text!r}; expected {self.kind}") from error


def parse_cell(source: str, where: str = "the parameters cell") -> dict[str, Parameter]:
    """Read the schema from the source of a parameters cell.

    Raises
    ------
    ParameterError
        If a line is no annotated assignment of a literal, or its default breaks its own rule.
    """
    comments = _comments(source)
    found: dict[str, Parameter] = {}
    for node in ast.parse(source).body:
        if not isinstance(node, ast.AnnAssign) or not isinstance(node.target, ast.Name):
            raise ParameterError(
                f"{where}, line {node.lineno}: write 'name: type = default  # [low, high] what'"
            )
        name, kind = node.target.id, ast.unparse(node.annotation)
        if kind not in KINDS:
            raise ParameterError(f"{where}: {name} has type {kind}; known: {list(KINDS)}")
        if name in found:
            raise ParameterError(f"{where}: {name} stands there twice")
        try:
            default = ast.literal_eval(node.value) if node.value else None
        except ValueError as error:
            raise ParameterError(f"{where}: the default of {name} must be a literal") from error
        comment = comments.get(node.end_lineno or node.lineno, "")
        parameter = Parameter(name, kind, default, **_rule(comment, kind, f"{where}: {name}"))
        parameter.check(default)
        found[name] = parameter
    return found


def read_parameters(notebook: Mapping, where: str = "the notebook") -> dict[str, Parameter]:
    """Read the schema from a notebook (nbformat node) with exactly one ``parameters`` cell.

    Raises
    ------
    ParameterError
        If there is no such cell, more than one, or its content breaks the rules.
    """
    cells = [
        cell
        for cell in notebook["cells"]
        if cell["cell_type"] == "code" and "parameters" in cell["metadata"].get("tags", [])
    ]
    if len(cells) != 1:
        raise ParameterError(f"{where} has {len(cells)} cells tagged 'parameters'; it needs one")
    parameters = parse_cell(cells[0]["source"], where)
    if "seed" not in parameters:
        raise ParameterError(f"{where}: no 'seed: int = 0' among the parameters")
    return parameters


def settle(schema: Mapping[str, Parameter], given: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Return the value of every parameter: `given` where named, defaults elsewhere.

    Parameters
    ----------
    schema
        What `read_parameters` returned.
    given
        Typed values; text only where the type is ``str`` (see `Parameter.read`).
    where
        What to call the notebook in messages.

    Raises
    ------
    ParameterError
        If a name is unknown, or a value has the wrong type or is not allowed.
    """
    if unknown := sorted(set(given) - set(schema)):
        raise ParameterError(f"{where} has no parameter {unknown}; it has {sorted(schema)}")
    return {name: item.check(given.get(name, item.default)) for name, item in schema.items()}


def read_assignments(schema: Mapping[str, Parameter], pairs: list[str], where: str) -> dict:
    """Turn ``["n_cells=500", ...]`` of the command line into typed values.

    Raises
    ------
    ParameterError
        If a pair has no ``=``, comes twice, names no parameter, or holds a value not allowed.
    """
    values: dict[str, Any] = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        name = name.strip()
        if not equals:
            raise ParameterError(f"{pair!r}: write NAME=VALUE")
        if name in values:
            raise ParameterError(f"{name} is given twice")
        if name not in schema:
            raise ParameterError(f"{where} has no parameter {name!r}; it has {sorted(schema)}")
        values[name] = schema[name].read(text)
    return values


def digest_text(values: Mapping[str, Any]) -> str:
    """Return settled parameters as canonical text, for fingerprints."""
    return json.dumps(values, sort_keys=True)


def _comments(source: str) -> dict[int, str]:
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return {t.start[0]: t.string.lstrip("# ") for t in tokens if t.type == tokenize.COMMENT}


def _rule(comment: str, kind: str, where: str) -> dict[str, Any]:
    """Split a comment into limits or choices, and description."""
    element, _ = KINDS[kind]
    if matched := _RANGE.match(comment):
        if element not in (int, float):
            raise ParameterError(f"{where}: a range needs a number, not {kind}")
        low, high = (_number(matched[i], where) for i in (2, 3))
        return {
            "low": low,
            "high": high,
            "open_low": matched[1] == "(",
            "open_high": matched[4] == ")",
            "description": matched[5].strip(),
        }
    if matched := _CHOICES.match(comment):
        reader = Parameter(where, kind if not kind.startswith("list") else kind[5:-1], None)
        choices = tuple(reader.read(part.strip().strip("'\"")) for part in matched[1].split(","))
        return {"choices": choices, "description": matched[2].strip()}
    return {"description": comment.strip()}


def _number(text: str, where: str) -> float | None:
    """Evaluate a limit such as ``2**31-1``; ``inf`` and ``-inf`` mean no limit."""
    if text.strip() in ("inf", "-inf"):
        return None

    def value(node: ast.expr) -> float:
        if isinstance(node, ast.Constant) and isinstance(node.value, (int, float)):
            return node.value
        if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
            return _OPERATORS[type(node.op)](value(node.left), value(node.right))
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            return -value(node.operand)
        raise ParameterError(f"{where}: {text.strip()!r} is no number")

    try:
        return value(ast.parse(text.strip(), mode="eval").body)
    except SyntaxError as error:
        raise ParameterError(f"{where}: {text.strip()!r} is no number") from error
