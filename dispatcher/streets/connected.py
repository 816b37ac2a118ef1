"""Keeping only streets that a shuttle can enter and leave again."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterable

import numpy as np

from dispatcher.domain.ids import EdgeId
from dispatcher.domain.zone import StreetEdge, Zone
from dispatcher.streets.drive import DriveModel
from dispatcher.streets.network import StreetGraph


def connected_edges(zone: Zone) -> frozenset[EdgeId]:
    """The largest set of edges from each of which a shuttle can drive to every other.

    Turn bans count, and turning back is possible at dead ends only; stops are left aside, since
    turning there must not be what holds a zone together.
    """
    graph = StreetGraph.of(dataclasses.replace(zone, stops=()), DriveModel())
    labels = graph.strong_components()
    main = int(np.argmax(np.bincount(labels)))
    return frozenset(
        edge.id for edge, label in zip(zone.edges, labels, strict=True) if label == main
    )


def with_other_directions(edges: Iterable[StreetEdge], kept: Collection[EdgeId]) -> set[EdgeId]:
    """``kept`` and the other direction of every street in it.

    Driving both ways round a lone ring are two connected parts, since nobody turns back at its
    junctions; yet a shuttle may turn at its stops. A stop on any of these streets has a side in
    ``kept``, so it can be reached and left.
    """
    found = set(kept)
    found.update(edge.id for edge in edges if edge.reverse in kept)
    return found


def keep_edges(zone: Zone, kept: Collection[EdgeId]) -> Zone:
    """The zone with these edges only, and the nodes and turn bans that they use."""
    edges = tuple(_without_lost_reverse(edge, kept) for edge in zone.edges if edge.id in kept)
    used = {node for edge in edges for node in (edge.start, edge.end)}
    return dataclasses.replace(
        zone,
        edges=edges,
        nodes=tuple(node for node in zone.nodes if node.id in used),
        turn_bans=tuple(
            ban for ban in zone.turn_bans if ban.from_edge in kept and ban.to_edge in kept
        ),
    )


def _without_lost_reverse(edge: StreetEdge, kept: Collection[EdgeId]) -> StreetEdge:
    if edge.reverse is None or edge.reverse in kept:
        return edge
    return dataclasses.replace(edge, reverse=None)
