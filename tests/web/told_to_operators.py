"""What operators can be told, found in the code: the texts of alerts and of refused orders."""

import ast
from pathlib import Path

from dispatcher import engine
from dispatcher.journal.store_checks import store_faults

Function = ast.FunctionDef | ast.AsyncFunctionDef

# The places of sentences among what these are called with.
TELLING = {"alert": (1,), "CommandRefusal": (1, 2), "_already": (0,)}
# Handed on in these names: what the store's checks find, asked for by itself below.
ELSEWHERE = {"fault"}


def told_to_operators() -> set[str]:
    """With 7 in the place of what is filled in, or what a table has there to be filled in."""
    return _from_calls() | set(_store_faults())


def _from_calls() -> set[str]:
    """Whatever alerts and refusals are called with, and what is kept for them in tables."""
    found: set[str] = set()
    root = Path(engine.__path__[0]).parent
    for path in [*root.glob("*.py"), *root.glob("engine/*.py")]:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for scope in [node for node in ast.walk(tree) if isinstance(node, Function)]:
            for call in (node for node in ast.walk(scope) if isinstance(node, ast.Call)):
                for place in TELLING.get(name_of(call.func), ()):
                    found |= set(texts_of(call.args[place], scope, tree))
    return {text for text in found if text}


def name_of(function: ast.expr) -> str:
    match function:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case _:
            return ""


def texts_of(node: ast.expr, scope: Function, module: ast.Module) -> list[str]:
    """What a string may be: written there, in a variable, or in a table of the module."""
    match node:
        case ast.Constant() | ast.JoinedStr():
            return [text_of(node)]
        case ast.Name(id=name):
            found = [
                text
                for where in (scope, module)
                for assigned in ast.walk(where)
                for text in assigned_to(name, assigned, module)
            ]
            handed = name in ELSEWHERE or name in {argument.arg for argument in scope.args.args}
            assert found or handed, f"cannot tell what {name} says at line {node.lineno}"
            return found
        case ast.Call(func=ast.Attribute(value=ast.Name() as name, attr="format")):
            return texts_of(name, scope, module)
        case _:
            raise AssertionError(f"cannot tell what is said at line {node.lineno}")


def assigned_to(name: str, node: ast.AST, module: ast.Module) -> list[str]:
    match node:
        case ast.Assign(targets=[ast.Name(id=target)], value=value) if target == name:
            return [text_of(value)]
        case ast.AnnAssign(target=ast.Name(id=target), value=value) if target == name and value:
            return [text_of(value)]
        case ast.Assign(targets=[ast.Tuple(elts=targets)], value=ast.Subscript(value=table)):
            places = [at for at, each in enumerate(targets) if name_of(each) == name]
            return [text for at in places for text in in_table(name_of(table), at, module)]
        case _:
            return []


def in_table(table: str, place: int, module: ast.Module) -> list[str]:
    """What stands at that place of each row."""
    for node in module.body:
        match node:
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.Dict(values=rows)):
                if name == table:
                    return [text_of(row.elts[place]) for row in rows if isinstance(row, ast.Tuple)]
    return []


def _store_faults() -> tuple[str, ...]:
    info = {
        "role": "slave",
        "aof_last_write_status": "err",
        "used_memory": "95",
        "maxmemory": "100",
    }
    return store_faults({}, info)


def text_of(node: ast.AST) -> str:
    """Of a string, with something in the place of what is filled in."""
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=values):
            return "".join(text_of(value) or "7" for value in values)
        case _:
            return ""
