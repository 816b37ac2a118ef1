"""Imports point towards the domain, so the picture of the layers stays true.

``domain <- streets, planning, journal <- engine <- the shell``; vehicles know only the
domain (and, for their link, the MQTT transport); the simulator may know everything and
nothing knows the simulator, except that the command line offers its commands.
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
OURS = ("dispatcher", "vehicles", "simulator")

# Where a layer may import from, besides itself. A file belongs to the longest prefix.
MAY_IMPORT: dict[str, tuple[str, ...]] = {
    "dispatcher.domain": (),
    "dispatcher.streets": ("dispatcher.domain",),
    "dispatcher.planning": ("dispatcher.domain", "dispatcher.streets.times"),
    "dispatcher.journal": ("dispatcher.domain",),
    "dispatcher.engine": ("dispatcher.domain", "dispatcher.streets", "dispatcher.planning"),
    "dispatcher.mqtt": (
        "dispatcher.mqtt_client",
        "dispatcher.mqtt_messages",
        "dispatcher.queues",
    ),
    "dispatcher.mqtt_client": ("dispatcher.mqtt_messages", "dispatcher.mqtt_socket"),
    "dispatcher.mqtt_socket": (),
    "dispatcher.mqtt_messages": (),
    "dispatcher.queues": (),
    "dispatcher.limits": (),
    "dispatcher.fair_intake": ("dispatcher.limits", "dispatcher.mqtt_messages"),
    "dispatcher.embedded": (),
    "vehicles": ("dispatcher.domain",),
    "vehicles.link": (
        "dispatcher.domain",
        "dispatcher.fair_intake",
        "dispatcher.mqtt",
        "vehicles",
    ),
    "dispatcher.cli": ("dispatcher", "vehicles", "simulator"),
    "dispatcher": ("dispatcher", "vehicles"),
    "simulator": ("dispatcher", "vehicles"),
    # Judges share nothing with what they judge.
    "simulator.raw_journal": (),
    "simulator.chaos.checker": ("simulator.raw_journal",),
}

# The domain is plain values: it needs nothing but the language and arrays.
DOMAIN_MAY_USE = frozenset({"numpy"})

# A pure part asks nobody for the hour, for chance or for the world.
PURE = ("dispatcher.domain", "dispatcher.engine", "dispatcher.planning.checker")
IMPURE = frozenset({"asyncio", "random", "secrets", "socket", "time", "uuid"})


def modules() -> Iterator[tuple[str, Path]]:
    for top in OURS:
        for path in sorted((ROOT / top).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            yield ".".join(p for p in parts if p != "__init__"), path


def imports_of(path: Path, module: str) -> set[str]:
    """Full names of what a file imports, type checking imports included."""
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*above, base] if base else above)
            found.update(f"{base}.{alias.name}" for alias in node.names)
    return found


def within(name: str, layer: str) -> bool:
    return name == layer or name.startswith(f"{layer}.")


def layer_of(module: str) -> str:
    # "dispatcher.cli_zone" belongs to the command line like "dispatcher.cli" does.
    if module.startswith("dispatcher.cli"):
        return "dispatcher.cli"
    return max((layer for layer in MAY_IMPORT if within(module, layer)), key=len)


def wrong_imports(module: str, imported: set[str]) -> list[str]:
    layer = layer_of(module)
    allowed = (*MAY_IMPORT[layer], layer)
    return [
        name
        for name in sorted(imported)
        if name.split(".")[0] in OURS and not any(within(name, where) for where in allowed)
    ]


@pytest.mark.parametrize(("module", "path"), list(modules()), ids=lambda value: str(value)[-40:])
def test_imports_point_towards_the_domain(module: str, path: Path) -> None:
    assert wrong_imports(module, imports_of(path, module)) == []


@pytest.mark.parametrize(
    ("module", "path"), [m for m in modules() if within(m[0], "dispatcher.domain")]
)
def test_domain_uses_only_the_language_and_arrays(module: str, path: Path) -> None:
    tops = {name.split(".")[0] for name in imports_of(path, module)} - {"dispatcher"}
    assert tops <= sys.stdlib_module_names | DOMAIN_MAY_USE


@pytest.mark.parametrize(
    ("module", "path"), [m for m in modules() if any(within(m[0], pure) for pure in PURE)]
)
def test_pure_parts_have_no_way_to_the_world(module: str, path: Path) -> None:
    tops = {name.split(".")[0] for name in imports_of(path, module)}
    assert not tops & IMPURE


def test_a_wrong_import_is_seen() -> None:
    assert wrong_imports("dispatcher.engine.offers", {"dispatcher.service.Service"})
    assert wrong_imports("dispatcher.domain.trips", {"dispatcher.streets.times"})
    assert wrong_imports("vehicles.mapping", {"dispatcher.mqtt.MqttLink"})
    assert wrong_imports("dispatcher.service", {"simulator.world"})
    assert not wrong_imports("dispatcher.cli_zone", {"simulator.cli.app"})


def test_relative_imports_are_resolved(tmp_path: Path) -> None:
    file = tmp_path / "offers.py"
    file.write_text("from ..service import Service\nfrom . import trips\n")
    assert imports_of(file, "dispatcher.engine.offers") == {
        "dispatcher.service.Service",
        "dispatcher.engine.trips",
    }
