"""Tiny OpenStreetMap files: nodes in metres about an origin, ways, turn rules."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from xml.sax.saxutils import quoteattr

from dispatcher.domain.zone import Point
from dispatcher.streets.frame import LocalFrame

ORIGIN = Point(60.17, 24.94)
FRAME = LocalFrame(ORIGIN)

Way = tuple[int, str, Mapping[str, str]]  # id, nodes as a word of letters, tags


def write_osm(
    file: Path,
    nodes: Mapping[str, tuple[float, float]],
    ways: Sequence[Way],
    rules: Sequence[tuple[str, int, str | int, int]] = (),
    node_tags: Mapping[str, Mapping[str, str]] | None = None,
    rule_tags: Mapping[str, str] | None = None,
) -> Path:
    """Rules are ``(restriction, from way, via node letter or way, to way)``."""
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', '<osm version="0.6">']
    refs = {letter: number for number, letter in enumerate(nodes, 1)}
    for letter, xy in nodes.items():
        point = FRAME.to_point(*xy)
        lines.append(f'<node id="{refs[letter]}" lat="{point.lat:.7f}" lon="{point.lon:.7f}">')
        lines += _tags((node_tags or {}).get(letter, {}))
        lines.append("</node>")
    for way_id, word, tags in ways:
        lines.append(f'<way id="{way_id}">')
        lines += [f'<nd ref="{refs[letter]}"/>' for letter in word]
        lines += _tags({"highway": "residential", **tags})
        lines.append("</way>")
    for number, (rule, from_way, via, to_way) in enumerate(rules, 1):
        kind, ref = ("way", via) if isinstance(via, int) else ("node", refs[via])
        lines.append(f'<relation id="{number}">')
        lines.append(f'<member type="way" ref="{from_way}" role="from"/>')
        lines.append(f'<member type="{kind}" ref="{ref}" role="via"/>')
        lines.append(f'<member type="way" ref="{to_way}" role="to"/>')
        lines += _tags({"type": "restriction", "restriction": rule, **(rule_tags or {})})
        lines.append("</relation>")
    lines.append("</osm>")
    file.write_text("\n".join(lines), encoding="utf-8")
    return file


def _tags(tags: Mapping[str, str]) -> list[str]:
    return [f"<tag k={quoteattr(key)} v={quoteattr(value)}/>" for key, value in tags.items()]
