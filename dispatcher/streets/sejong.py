"""The built-in zone: Sejong's 5-1 living area (Hapgang-dong), with SYNTHETIC streets and stops.

Size and place are published; the streets, stops, names and depots are drawn from a seed, because
no street plan or stop list of the district is public.
"""

from __future__ import annotations

import dataclasses
import math
import random
from collections import Counter
from collections.abc import Sequence

import numpy as np
import shapely

from dispatcher.domain.zone import Point, Stop, StopKind, StreetEdge, TurnBan, Zone
from dispatcher.streets.connected import connected_edges
from dispatcher.streets.drawn_street import DrawnStreet, corner_names, edges_of, nodes_of, rounded
from dispatcher.streets.frame import LocalFrame
from dispatcher.streets.path import EdgeShape
from dispatcher.streets.sejong_outline import CENTROID, District
from dispatcher.streets.sejong_streets import DrawnNet, RingJoint, draw_net
from dispatcher.streets.stop_cover import StopSite, cover, grid_inside, stop_sites
from dispatcher.streets.stop_list import stop_at

_INTERCHANGES = 8
_LEFT_BANS = 14
# Straight, to the nearest stop. It gives about 120 stops; on foot everybody is far below 250 m.
_STOP_REACH_M = 122.0
_JOINERS = {"ko": "·", "en": " & "}

_ATTRIBUTION = (
    "Synthetic streets, stops and names: no plan of the 5-1 living area is public. "
    "Area 2.741 km² and place as published."
)


def sejong_5_1(seed: int = 51) -> Zone:
    """The zone, the same for the same seed.

    Driverless shuttles serve round the clock here. The on-demand buses that Sejong has had since
    2021 run from 06:00 to 24:00 (donga 2021-04-15; hankookilbo A2024070115380003601).
    """
    rng = random.Random(seed)
    district = District.of(rng)
    frame = LocalFrame(CENTROID)
    net = draw_net(district, frame, rng)
    streets = list(net.streets)
    zone = Zone(
        id="sejong-5-1",
        names={"ko": "세종 5-1생활권", "en": "Sejong 5-1 living area"},
        timezone="Asia/Seoul",
        origin=CENTROID,
        boundary=_boundary(district, frame),
        stops=(),
        nodes=nodes_of(streets, frame),
        edges=(),
        turn_bans=(),
        opens_s=0,
        closes_s=24 * 3600,
        synthetic=True,
        attribution=_ATTRIBUTION,
    )
    zone = _with_connected_streets(zone, streets, frame)
    zone = _with_left_turn_bans(zone, rng)
    return dataclasses.replace(zone, stops=tuple(_stops(zone, net, frame)))


def _boundary(district: District, frame: LocalFrame) -> tuple[Point, ...]:
    ring = [
        rounded(frame.to_point(*district.at(math.radians(angle), 1.0)))
        for angle in range(0, 360, 4)
    ]
    return (*ring, ring[0])


def _with_connected_streets(zone: Zone, streets: list[DrawnStreet], frame: LocalFrame) -> Zone:
    """One-way streets that cut something off become two-way, until nothing is cut off."""
    while True:
        zone = dataclasses.replace(
            zone, edges=tuple(edge for street in streets for edge in edges_of(street, frame))
        )
        kept = connected_edges(zone)
        lost_nodes = {
            node for edge in zone.edges if edge.id not in kept for node in (edge.start, edge.end)
        }
        if not lost_nodes:
            return zone
        opened = [
            dataclasses.replace(street, two_way=True)
            if {street.start, street.end} & lost_nodes
            else street
            for street in streets
        ]
        assert opened != streets, "the drawn streets must hang together"
        streets = opened


def _with_left_turn_bans(zone: Zone, rng: random.Random) -> Zone:
    """No left turns at some avenue crossings, as far as everything stays within reach."""
    frame = LocalFrame(zone.origin)
    lefts = [
        TurnBan(before.id, after.id)
        for before in zone.edges
        for after in zone.edges
        if before.end == after.start
        and after.id != before.reverse
        and _is_wide(before)
        and _is_wide(after)
        and math.radians(45) < _turn_rad(before, after, frame) < math.radians(135)
    ]
    everything = {edge.id for edge in zone.edges}
    while lefts and len(zone.turn_bans) < _LEFT_BANS:
        ban = lefts.pop(int(rng.random() * len(lefts)))
        with_ban = dataclasses.replace(zone, turn_bans=(*zone.turn_bans, ban))
        if connected_edges(with_ban) == everything:
            zone = with_ban
    return zone


def _is_wide(edge: StreetEdge) -> bool:
    return edge.speed_mps > 25 / 3.6


def _turn_rad(before: StreetEdge, after: StreetEdge, frame: LocalFrame) -> float:
    """Turning angle at the junction, to the left positive, within half a turn."""
    (x0, y0), (x1, y1) = (frame.to_metres(point) for point in before.shape[-2:])
    (x2, y2), (x3, y3) = (frame.to_metres(point) for point in after.shape[:2])
    turn = math.atan2(y3 - y2, x3 - x2) - math.atan2(y1 - y0, x1 - x0)
    return (turn + math.pi) % (2 * math.pi) - math.pi


def _stops(zone: Zone, net: DrawnNet, frame: LocalFrame) -> list[Stop]:
    """Interchanges on the ring, depots behind it, then stops until everybody has one near."""
    edges = {edge.id: edge for edge in zone.edges}
    by_street = {street.id: edges[street.forward_id] for street in net.streets}
    interchanges = [
        _middle(by_street[net.ring_street_ids[joint]], frame)
        for joint in _spread_joints(net.joints, _INTERCHANGES)
    ]
    depots = [_far_end(by_street[street_id], frame) for street_id in net.depot_street_ids]
    depot_edges = {by_street[street_id].id for street_id in net.depot_street_ids}
    usual = [
        site
        for site in stop_sites(zone.edges, frame, spacing_m=30.0, clear_m=18.0)
        if site.edge_id not in depot_edges
    ]
    sites = [*interchanges, *usual]
    polygon = shapely.Polygon([frame.to_metres(point) for point in zone.boundary])
    chosen = cover(
        grid_inside(polygon, 30.0),
        np.array([(site.x_m, site.y_m) for site in sites]),
        _STOP_REACH_M,
        kept=range(len(interchanges)),
    ).chosen[len(interchanges) :]
    # Numbered from north-west to south-east, as on a plan.
    plain = sorted((sites[i] for i in chosen), key=lambda site: (-round(site.y_m / 150), site.x_m))
    names = [corner_names(edges[s.edge_id], s.offset_m, zone.edges, _JOINERS) for s in plain]
    return [
        *(
            stop_at(f"X{n}", site, StopKind.INTERCHANGE, _interchange_names(n), frame, berths=4)
            for n, site in enumerate(interchanges, 1)
        ),
        *(
            stop_at(f"D{n}", site, StopKind.DEPOT, _depot_names(n), frame, berths=12, chargers=8)
            for n, site in enumerate(depots, 1)
        ),
        *(
            stop_at(f"S{n:03d}", site, StopKind.STOP, name, frame, berths=2)
            for n, (site, name) in enumerate(zip(plain, _numbered(names), strict=True), 1)
        ),
    ]


def _spread_joints(joints: Sequence[RingJoint], count: int) -> list[int]:
    """Avenue joints nearest to evenly spread directions, each once."""
    avenues = [i for i, joint in enumerate(joints) if joint.avenue]
    picked: list[int] = []
    for k in range(count):
        wanted = 2 * math.pi * (k + 0.5) / count
        free = [i for i in avenues if i not in picked]
        picked.append(min(free, key=lambda i: (1.0 - math.cos(joints[i].angle_rad - wanted), i)))
    return picked


def _middle(edge: StreetEdge, frame: LocalFrame) -> StopSite:
    return _site(edge, round(edge.length_m / 2, 1), frame)


def _far_end(edge: StreetEdge, frame: LocalFrame) -> StopSite:
    return _site(edge, round(edge.length_m * 0.85, 1), frame)


def _site(edge: StreetEdge, offset_m: float, frame: LocalFrame) -> StopSite:
    shape = EdgeShape.of([frame.to_metres(point) for point in edge.shape], edge.length_m)
    return StopSite(edge.id, offset_m, *shape.position(offset_m))


def _interchange_names(number: int) -> dict[str, str]:
    return {"ko": f"합강 BRT 환승 {number}", "en": f"Hapgang BRT Interchange {number}"}


def _depot_names(number: int) -> dict[str, str]:
    return {"ko": f"셔틀 차고지 {number}", "en": f"Shuttle Depot {number}"}


def _numbered(names: Sequence[dict[str, str]]) -> list[dict[str, str]]:
    """Stops at the same corner get numbers."""
    total = Counter(name["en"] for name in names)
    seen: Counter[str] = Counter()
    numbered: list[dict[str, str]] = []
    for name in names:
        seen[name["en"]] += 1
        if total[name["en"]] == 1:
            numbered.append(name)
        else:
            numbered.append({lang: f"{text} {seen[name['en']]}" for lang, text in name.items()})
    return numbered
