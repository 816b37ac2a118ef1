"""The judge's own reading of instance files."""

from pathlib import Path

from dispatcher.planning.static_checker.rules import Car, Rules, Task, UnreadableInstanceError


def parse(path: Path) -> Rules:
    """The rules in a file of any of the four formats.

    Raises
    ------
    UnreadableInstanceError
        It has none of them, or breaks off.
    """
    try:
        rows = [[float(w) for w in line.split()] for line in path.read_text().splitlines()]
        rows = [row for row in rows if row]
        widths = {len(row) for row in rows[1:]}
        match len(rows[0]), sorted(widths):
            case 5, [7]:
                return _cordeau(rows)
            case 3, [9]:
                return _li_lim(rows)
            case 2, [5, 11]:
                return _malheiros(rows)
            case 7, _:
                return _electric(rows)
    except (OSError, ValueError, IndexError, KeyError) as error:
        raise UnreadableInstanceError(f"{path}: {error}") from error
    raise UnreadableInstanceError(f"{path}: of no known format")


def _cordeau(rows: list[list[float]]) -> Rules:
    cars, _, longest_route, places, longest_ride = rows[0]
    # A depot, two nodes a request and, in some files, the depot once more.
    n = (len(rows) - 2) // 2
    lines = {int(row[0]): row for row in rows[1 : 2 * n + 2]}
    return Rules(
        tasks={i: Task(r[3], r[5], r[6], (r[4],)) for i, r in lines.items()},
        cars=(Car(0, (places,), longest_route),) * int(cars),
        partner={i: i + n for i in range(1, n + 1)},
        longest_ride=dict.fromkeys(range(1, n + 1), longest_ride),
        destinations=(0,),
        legs={},
        points={i: (r[1], r[2]) for i, r in lines.items()},
        charge_rate={},
    )


def _li_lim(rows: list[list[float]]) -> Rules:
    lines = {int(row[0]): row for row in rows[1:]}
    return Rules(
        tasks={i: Task(r[6], r[4], r[5], (r[3],)) for i, r in lines.items()},
        cars=(Car(0, (rows[0][1],)),) * int(rows[0][0]),
        partner={i: int(r[8]) for i, r in lines.items() if r[8] > 0},
        longest_ride={},
        destinations=(0,),
        legs={},
        points={i: (r[1], r[2]) for i, r in lines.items()},
        charge_rate={},
    )


def _malheiros(rows: list[list[float]]) -> Rules:
    cars, n = int(rows[0][0]), int(rows[0][1])
    lines = {int(row[0]): row for row in rows[1 + cars :] if row[0] <= 2 * n}
    return Rules(
        tasks={i: Task(r[3], r[9], r[10], tuple(r[5:9])) for i, r in lines.items()},
        cars=tuple(Car(0, tuple(row[1:]), row[0]) for row in rows[1 : 1 + cars]),
        partner={i: i + n for i in range(1, n + 1)},
        longest_ride={i: lines[i][4] for i in range(1, n + 1)},
        destinations=(0,),
        legs={},
        points={i: (r[1], r[2]) for i, r in lines.items()},
        charge_rate={},
    )


def _electric(rows: list[list[float]]) -> Rules:
    cars, n, stations, visits = int(rows[0][0]), *(int(rows[0][i]) for i in (1, 4, 5))
    lines: dict[int, list[float]] = {}
    for row in rows[1:]:
        if len(row) != 7 or row[0] != len(lines) + 1:
            break
        lines[int(row[0])] = row
    last = len(lines)
    words = [word for row in rows[1 + last :] for word in row]
    # Two depots nobody uses; origins; destinations; stations; then n rides and, per car, places,
    # first charge and battery; then the stations' rates and the drain.
    destinations = last - 2 * n - 2 - cars - stations
    cuts = [2, cars, destinations, stations, n, cars, cars, cars, stations, 1]
    parts = []
    for cut in cuts:
        parts.append(words[:cut])
        words = words[cut:]
    _, origins, ends, chargers, rides, places, charges, batteries, rates, (drain,) = parts
    legs = {}
    if len(words) >= last * last:
        matrix = words[-last * last :]
        # The authors' README: given travel times are to be doubled to reproduce their results.
        legs = {(a + 1, b + 1): 2 * matrix[a * last + b] for a in range(last) for b in range(last)}
    return Rules(
        tasks={i: Task(r[3], r[5], r[6], (r[4],)) for i, r in lines.items()},
        cars=tuple(
            Car(int(origins[k]), (places[k],), charge=charges[k], battery=batteries[k])
            for k in range(cars)
        ),
        partner={i: i + n for i in range(1, n + 1)},
        longest_ride={i: rides[i - 1] for i in range(1, n + 1)},
        destinations=tuple(int(end) for end in ends),
        legs=legs,
        points={i: (r[1], r[2]) for i, r in lines.items()},
        charge_rate={int(s): rate for s, rate in zip(chargers, rates, strict=True)},
        visits_per_station=visits,
        drain=drain,
        one_route_per_destination=True,
        travel_price=0.75,
        excess_price=0.25,
    )
