"""What the engine can tell riders, found in its code: every text that comes to ``Turn.tell``."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from dispatcher import engine

# The words of the operator or the rider who gave them, shown as they are; and what was told before.
_NOT_OURS = {"event.reason", "turn.told.get(event.trip_id)"}


class UntraceableError(AssertionError):
    """A text for riders of which nobody can say what it may be."""


def told_sentences() -> set[str]:
    """Sentence by sentence, with 7 in the place of what is filled in."""
    functions = [
        (path.stem, node)
        for path in sorted(Path(engine.__path__[0]).glob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef)
    ]
    texts = _Search(functions).texts()
    return {f"{part.rstrip('.')}." for text in texts for part in text.split(". ")}


@dataclass
class _Search:
    functions: list[tuple[str, ast.FunctionDef]]
    # Calls by which texts are handed on, of a module or of all (""), and which argument it is.
    ways: dict[tuple[str, str], tuple[int, str]] = field(
        default_factory=lambda: {("", "turn.tell"): (1, "reason")}
    )

    def texts(self) -> set[str]:
        found: set[str] = set()
        followed: set[tuple[str, str]] = set()
        while left := self.ways.keys() - followed:
            way = min(left)
            followed.add(way)
            for module, function, expression in self._handed_on(way):
                found |= self._values(expression, module, function)
        for module, function in self.functions:
            for node in ast.walk(function):
                match node:
                    case ast.Assign(targets=[ast.Attribute(attr="cause_text")], value=value):
                        found |= self._values(value, module, function)
        return found

    def _handed_on(self, way: tuple[str, str]) -> Iterator[tuple[str, ast.FunctionDef, ast.expr]]:
        at, keyword = self.ways[way]
        for module, function in self.functions:
            for node in ast.walk(function):
                if not isinstance(node, ast.Call) or ast.unparse(node.func) != way[1]:
                    continue
                if way[0] in ("", module):
                    by_name = [k.value for k in node.keywords if k.arg == keyword]
                    for expression in by_name or node.args[at : at + 1]:
                        yield module, function, expression

    def _values(self, expression: ast.expr, module: str, function: ast.FunctionDef) -> set[str]:
        """All that it can be. A parameter's values are those that the function is called with."""
        inside: list[ast.expr] = []
        match expression:
            case ast.Constant(value=str(text)):
                return {text} if text else set()
            case ast.Constant(value=None) | ast.Attribute(attr="cause_text"):
                return set()  # all that the latter is ever set to is looked for by itself
            case ast.IfExp(body=body, orelse=orelse):
                inside = [body, orelse]
            case ast.BoolOp(values=values):
                inside = values
            case ast.JoinedStr(values=values):
                written, inside = _put_together(values)
                if written:
                    return {written}
            case ast.Name(id=name):
                names = [argument.arg for argument in function.args.args]
                if name in names:
                    of = module if function.name.startswith("_") else ""
                    self.ways.setdefault((of, function.name), (names.index(name), name))
                    return set()
                inside = _assigned(name, function)
            case _ if ast.unparse(expression) in _NOT_OURS:
                return set()
        if not inside:
            raise UntraceableError(f"{module}.{function.name}: {ast.unparse(expression)}")
        return {text for each in inside for text in self._values(each, module, function)}


def _put_together(values: list[ast.expr]) -> tuple[str, list[ast.expr]]:
    """A text with something filled in, or several texts one after the other."""
    written, inside = "", []
    for value in values:
        match value:
            case ast.Constant(value=text):
                written += str(text)
            case ast.FormattedValue(value=filled):
                inside.append(filled)
                is_cause = isinstance(filled, ast.Attribute) and filled.attr == "cause_text"
                written += "" if is_cause else "7"
    return ("", inside) if not written.strip("7 ") else (written.strip(), [])


def _assigned(name: str, function: ast.FunctionDef) -> list[ast.expr]:
    return [
        node.value
        for node in ast.walk(function)
        if isinstance(node, ast.Assign) and [ast.unparse(to) for to in node.targets] == [name]
    ]
