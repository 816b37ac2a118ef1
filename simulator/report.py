"""A simulated service as a page of Markdown."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from simulator.day import DayPlan
from simulator.fairness import Fairness
from simulator.figures import Figures

_SHOWN_STOPS = 15

_GROUPS = {
    "Requests": (
        "requests accepted refused completed cancelled no_show expired abandoned in_progress"
    ),
    "Promises": (
        "promises_broken promises_broken_by_cause pickups_in_window_pct"
        " pickups_by_quote dropoffs_by_quote retimed"
    ),
    "Riders": ("wait_mean_s wait_p95_s ride_over_direct_mean riders_carried wheelchairs_carried"),
    "Fairness and foresight": "fairness forecast stops_crowded",
    "Shuttles": "riders_per_shuttle_hour occupancy_mean empty_km_share km",
    "Energy": (
        "stranded battery_lowest_pct energy_used_kwh energy_charged_kwh charging_hours"
        " plug_conflicts dead_plugs_met"
    ),
    "Dispatcher": (
        "decision_ms_p50 decision_ms_p99 plan_confirm_ms_p99 journal_events replay_identical"
    ),
    "Run": "simulated_hours wall_s peak_rss_mb",
}


def report_text(figures: Figures, plan: DayPlan) -> str:
    """What was simulated, then every figure by subject."""
    zone = plan.demand.zone
    local = ZoneInfo(zone.timezone)
    begins, ends = (
        datetime.fromtimestamp(moment, UTC).astimezone(local)
        for moment in (plan.start_s, plan.end_s)
    )
    lines = [
        f"# Simulated service of {zone.names.get('en', zone.id)}",
        "",
        f"{begins:%Y-%m-%d %H:%M} to {ends:%H:%M} local time, {plan.fleet.shuttles} shuttles of "
        f"{plan.fleet.capacity.seats} seats, seed {plan.seed}, {len(plan.mishaps)} mishaps.",
        f"Streets: {zone.attribution.rstrip('.')}.",
    ]
    values = figures.as_dict()
    for title, names in _GROUPS.items():
        lines += ["", f"## {title}", "", "| figure | value |", "| --- | --- |"]
        lines += [f"| {name} | {in_words(values[name])} |" for name in names.split()]
    lines += _worst_stops(figures.fairness)
    return "\n".join(lines) + "\n"


def _worst_stops(fairness: Fairness) -> list[str]:
    """The stops whose riders wait longest, for the end of the page."""
    head = ["stop", "requests", "mean s", "median s", "90 % s", "of the median stop", "refused"]
    rows: list[list[object]] = [
        [s.stop, s.requests, s.wait_mean_s, s.wait_median_s, s.wait_p90_s, s.ratio, s.refused_share]
        for s in fairness.by_stop[:_SHOWN_STOPS]
    ]
    table: list[list[object]] = [list(head), ["---"] * len(head), *rows]
    return ["", "## Waits by stop, the longest first", ""] + [
        f"| {' | '.join(str(cell) for cell in line)} |" for line in table
    ]


def in_words(value: object) -> str:
    """One figure as a person reads it."""
    if isinstance(value, dict) and "came_by_pct" in value:
        shares = ", ".join(f"{pct} %: {share}" for pct, share in value["came_by_pct"].items())
        return f"{shares} (of {value['outcomes']})"
    if isinstance(value, dict) and "by_stop" in value:
        chairs, others = value["wheelchairs"], value["others"]
        return (
            f"median stop {value['median_stop_wait_s']} s, worst {value['worst_ratio']} times it, "
            f"{value['stops_beyond']} stops beyond {value['multiple']} times; with a wheelchair "
            f"{chairs['wait_mean_s']} s and {chairs['refused_share']} refused, "
            f"others {others['wait_mean_s']} s and {others['refused_share']}"
        )
    if isinstance(value, dict):
        return ", ".join(f"{key} {count}" for key, count in value.items()) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)
