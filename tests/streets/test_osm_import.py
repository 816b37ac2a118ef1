"""Zones from OpenStreetMap: small sketches worked by hand, and two real extracts."""

import json
from collections.abc import Iterable
from pathlib import Path

import pytest
from osm_sketch import FRAME, write_osm
from shared_files import shared

from dispatcher.domain.zone import StopKind, Zone
from dispatcher.streets import UNREACHABLE_S, Streets
from dispatcher.streets.osm_import import ImportChoices, import_to_directory, import_zone
from dispatcher.streets.zone_file import ZoneFileError, read_zone

# Two blocks side by side; every street 200 m long.
#   D - C - F
#   |   |   |
#   A - B - E
BLOCKS = {
    "A": (0, 0), "B": (200, 0), "C": (200, 200), "D": (0, 200), "E": (400, 0), "F": (400, 200),
}  # fmt: skip
AROUND = (1, "ABEFCDA", {"name": "Around"})
MIDDLE = (2, "BC", {"name": "Middle"})


def ends(zone: Zone) -> set[str]:
    """Directed edges by their ends' letters."""
    letter = {str(number): name for number, name in enumerate(BLOCKS, 1)}
    return {letter[edge.start] + letter[edge.end] for edge in zone.edges}


def banned(zone: Zone) -> set[str]:
    letter = {str(number): name for number, name in enumerate(BLOCKS, 1)}
    edges = {edge.id: edge for edge in zone.edges}
    return {
        letter[edges[ban.from_edge].start]
        + letter[edges[ban.from_edge].end]
        + letter[edges[ban.to_edge].end]
        for ban in zone.turn_bans
    }


def test_ways_are_cut_at_junctions(tmp_path: Path) -> None:
    zone, figures = import_zone(write_osm(tmp_path / "a.osm", BLOCKS, [AROUND, MIDDLE]))
    # The loop starts at A, so it is cut there, at B and at C: A-B, B-E-F-C, C-D-A, and B-C.
    assert ends(zone) == {"AB", "BA", "BC", "CB", "CA", "AC"}
    lengths = sorted(edge.length_m for edge in zone.edges)
    assert lengths == pytest.approx([200, 200, 200, 200, 400, 400, 600, 600], abs=0.1)
    assert (figures.nodes, figures.edges, figures.connected_share) == (3, 8, 1.0)
    assert zone.attribution == "© OpenStreetMap contributors"
    assert not zone.synthetic


def test_one_way_against_the_drawing(tmp_path: Path) -> None:
    against = (2, "BC", {"oneway": "-1"})
    zone, _ = import_zone(write_osm(tmp_path / "a.osm", BLOCKS, [AROUND, against]))
    assert ends(zone) == {"AB", "BA", "CB", "CA", "AC"} | {"BC"}  # BC by E and F
    middle = [edge for edge in zone.edges if edge.id.startswith("2.")]
    assert [(edge.start, edge.end, edge.reverse) for edge in middle] == [("3", "2", None)]


def test_streets_that_cannot_be_left_are_dropped(tmp_path: Path) -> None:
    nodes = {**BLOCKS, "G": (600, 0), "H": (600, 200)}
    ways = [AROUND, MIDDLE, (3, "EG", {"oneway": "yes"}), (4, "GH", {})]
    zone, figures = import_zone(write_osm(tmp_path / "a.osm", nodes, ways))
    # E-G leads in one way only: 1 + 2 edges are lost; E is cut now, as a junction of the file.
    assert not any(edge.id.startswith(("3.", "4.")) for edge in zone.edges)
    assert (figures.edges_read, figures.edges) == (13, 10)


@pytest.mark.parametrize(
    ("rule", "bans"),
    [
        # From A-B at B: left into B-C is banned.
        (("no_left_turn", 5, "B", 2), {"ABC"}),
        # Only straight on: left and turning back are banned.
        (("only_straight_on", 5, "B", 6), {"ABC", "ABA"}),
        (("no_u_turn", 5, "B", 5), {"ABA"}),
        # Via B-C: a ban on its last turn binds all who come along it.
        (("no_u_turn", 5, 2, 8), {"BCD"}),
        # A way that is not in the file.
        (("no_left_turn", 99, "B", 2), set()),
    ],
)
def test_turn_rules_become_bans(
    tmp_path: Path, rule: tuple[str, int, str | int, int], bans: set[str]
) -> None:
    ways = [(5, "AB", {}), MIDDLE, (6, "BE", {}), (7, "EFC", {}), (8, "CD", {}), (9, "DA", {})]
    zone, figures = import_zone(write_osm(tmp_path / "a.osm", BLOCKS, ways, [rule]))
    assert banned(zone) == bans
    assert figures.rules_used == (1 if bans else 0)
    assert figures.rules_unclear == (0 if bans else 1)
    assert figures.rules_widened == (1 if isinstance(rule[2], int) and bans else 0)


def test_rule_except_for_buses_does_not_bind(tmp_path: Path) -> None:
    ways = [(5, "AB", {}), MIDDLE, (6, "BEFCDA", {})]
    rules = [("no_left_turn", 5, "B", 2)]
    file = write_osm(tmp_path / "a.osm", BLOCKS, ways, rules, rule_tags={"except": "psv"})
    zone, _ = import_zone(file)
    assert zone.turn_bans == ()


def a_boundary(file: Path, corners_m: Iterable[tuple[float, float]]) -> Path:
    ring = [[point.lon, point.lat] for point in (FRAME.to_point(*xy) for xy in corners_m)]
    shape = {"type": "Feature", "geometry": {"type": "Polygon", "coordinates": [ring]}}
    file.write_text(json.dumps(shape))
    return file


WEST = [(-50, -50), (250, -50), (250, 250), (-50, 250), (-50, -50)]


def test_boundary_cuts_streets(tmp_path: Path) -> None:
    osm = write_osm(tmp_path / "a.osm", BLOCKS, [AROUND, MIDDLE])
    zone, _ = import_zone(osm, a_boundary(tmp_path / "b.geojson", WEST))
    assert ends(zone) == {"AB", "BA", "BC", "CB", "CA", "AC"}
    # B-E-F-C leaves the area, so 2 * (200 + 200 + 400) m are left.
    assert sum(edge.length_m for edge in zone.edges) == pytest.approx(1600, abs=1)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "cannot be read as GeoJSON"),
        ("{}", "has 0 polygons"),
        ('{"type":"Polygon","coordinates":[[[0,0],[1,0],[1,1]]]}', "ring is not closed"),
        ('{"type":"Polygon","coordinates":[[[0,0],[1,NaN],[1,1],[0,0]]]}', "corner 1 is not"),
        ('{"type":"Polygon","coordinates":[[[0,0],[1,1],[1,0],[0,1],[0,0]]]}', "crosses itself"),
        ('{"type":"Polygon","coordinates":[[[0,0],[1,0],[1,1],[0,0]]]}', "no street of it lies"),
        ('{"type":"Polygon","coordinates":[[],[]]}', "no holes"),
    ],
)
def test_faulty_boundary_is_refused(tmp_path: Path, text: str, message: str) -> None:
    osm = write_osm(tmp_path / "a.osm", BLOCKS, [AROUND, MIDDLE])
    (tmp_path / "b.geojson").write_text(text)
    with pytest.raises(ZoneFileError, match=message):
        import_zone(osm, tmp_path / "b.geojson")


def test_stops_cover_the_area(tmp_path: Path) -> None:
    osm = write_osm(tmp_path / "a.osm", BLOCKS, [AROUND, MIDDLE])
    zone, figures = import_zone(osm, choices=ImportChoices(max_walk_m=200.0))
    # The middles of the blocks are 100 m from a street, 130 m on foot: everybody is reached.
    assert figures.unreached_points == 0
    assert 0 < figures.worst_walk_m <= 200.0
    assert figures.interchanges >= 2
    assert figures.depots == 1
    assert Streets.of(zone).stop_times_s.max() < UNREACHABLE_S


def test_station_becomes_an_interchange(tmp_path: Path) -> None:
    nodes = {**BLOCKS, "S": (290, 20)}
    tags = {"S": {"amenity": "bus_station"}}
    osm = write_osm(tmp_path / "a.osm", nodes, [AROUND, MIDDLE], node_tags=tags)
    zone, _ = import_zone(osm)
    first = next(stop for stop in zone.stops if stop.kind is StopKind.INTERCHANGE)
    x_m, y_m = FRAME.to_metres(first.point)
    # Sites are at most 25 m apart along B-E.
    assert abs(x_m - 290) <= 13
    assert abs(y_m) <= 1


def a_list(file: Path, *lines: str) -> Path:
    file.write_text("\n".join(["id,name,lat,lon,kind", *lines]), encoding="utf-8")
    return file


def at(x_m: float, y_m: float) -> str:
    point = FRAME.to_point(x_m, y_m)
    return f"{point.lat:.7f},{point.lon:.7f}"


def test_listed_stops_lie_on_their_nearest_street(tmp_path: Path) -> None:
    osm = write_osm(tmp_path / "a.osm", BLOCKS, [AROUND, MIDDLE])
    stops = a_list(
        tmp_path / "s.csv",
        f"MID,Keskikatu,{at(205, 100)},stop",
        f"IC,Asema,{at(100, -4)},interchange",
    )
    zone, figures = import_zone(osm, stops_csv=stops, choices=ImportChoices(language="fi"))
    middle, station, depot = zone.stops
    assert (middle.id, middle.names, middle.kind) == ("MID", {"fi": "Keskikatu"}, StopKind.STOP)
    assert middle.edge_id == "2.1.f"
    assert middle.offset_m == pytest.approx(100, abs=0.2)
    assert station.kind is StopKind.INTERCHANGE
    assert depot.kind is StopKind.DEPOT  # the list had none
    assert figures.stops == 3


def test_faulty_stop_list_names_its_lines(tmp_path: Path) -> None:
    osm = write_osm(tmp_path / "a.osm", BLOCKS, [AROUND, MIDDLE])
    stops = a_list(
        tmp_path / "s.csv",
        f"FAR,Far,{at(300, 100)},stop",
        "BAD,Bad,north,24.9,stop",
        f"ODD,Odd,{at(200, 100)},harbour",
    )
    with pytest.raises(ZoneFileError) as caught:
        import_zone(osm, stops_csv=stops)
    far, bad, odd = caught.value.faults
    assert far.startswith("line 2: stop FAR is 100 m from the nearest street")
    assert bad.startswith("line 3, column lat")
    assert odd.startswith("line 4, column kind")


def test_unreadable_map_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.osm").write_text("no xml")
    with pytest.raises(ZoneFileError, match="cannot be read as OpenStreetMap"):
        import_zone(tmp_path / "a.osm")
    with pytest.raises(ZoneFileError, match="cannot be read as OpenStreetMap"):
        import_zone(tmp_path / "absent.osm.pbf")
    footpaths = write_osm(tmp_path / "f.osm", BLOCKS, [(1, "AB", {"highway": "footway"})])
    with pytest.raises(ZoneFileError, match="no streets that a shuttle may use"):
        import_zone(footpaths)


def test_west_oakland(tmp_path: Path) -> None:
    osm = shared("geodata/west_oakland.osm.bz2")
    figures = import_to_directory(osm, tmp_path / "zone")
    zone = read_zone(tmp_path / "zone")
    assert zone.id == "west-oakland"
    assert figures.edges == len(zone.edges) > 0
    assert Streets.of(zone).stop_times_s.max() < UNREACHABLE_S


def test_helsinki(tmp_path: Path) -> None:
    osm = shared("geodata/helsinki_center.osm.pbf")
    box = [(24.9352, 60.1642), (24.9534, 60.1642), (24.9534, 60.1791), (24.9352, 60.1791)]
    shape = {"type": "Polygon", "coordinates": [[*box, box[0]]]}
    (tmp_path / "box.geojson").write_text(json.dumps(shape))
    choices = ImportChoices(timezone="Europe/Helsinki", language="fi")
    zone, figures = import_zone(osm, tmp_path / "box.geojson", choices=choices)
    # Counted independently over the whole extract: 1,644 directed edges, 45 turn rules. Driveways
    # and parking aisles are left out here, and two rules do not bind buses.
    assert 1400 < figures.edges_read < 1644
    assert 35 <= figures.rules_used <= 45
    assert figures.connected_share > 0.85
    assert figures.worst_walk_m <= 250.0
    # The railway yard and the bay have no streets.
    assert 0 < figures.unreached_points < 0.15 * figures.grid_points
    streets = Streets.of(zone)
    assert streets.stop_times_s.max() < UNREACHABLE_S
    assert {"fi", "sv"} <= {tag for stop in zone.stops for tag in stop.names}
