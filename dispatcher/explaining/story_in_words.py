"""What became of a trip, as text: event by event, with what changed and why."""

from collections.abc import Iterator
from dataclasses import replace

from dispatcher.domain.trips import Promise, TripState
from dispatcher.engine.state import Hold
from dispatcher.explaining.explanation import Explanation, Improvement, Step, TripView
from dispatcher.explaining.search_in_words import InVain, price_lines, searches_lines
from dispatcher.explaining.spoken import Clock, indented, points, span


def story_lines(explanation: Explanation, clock: Clock, everyone: bool) -> Iterator[str]:
    cost_milli = _chosen_milli(explanation.steps[0])
    in_vain: set[InVain] = set()
    for steps in _runs(explanation.steps[1:]):
        step = steps[-1] if len(steps) == 1 else _joined(steps)
        since = "" if len(steps) == 1 else f" (since {clock.at(steps[0].at_s)}, event by event)"
        yield f"{clock.at(step.at_s)}  {step.cause} (event {step.position}){since}"
        yield from indented(_change_lines(explanation, step, clock), by=10)
        told = searches_lines(step.searches, clock, in_vain, everyone=everyone)
        yield from indented(told, by=10)
        now_milli = _chosen_milli(step)
        if now_milli is not None:
            if cost_milli is not None:
                was, now = points(cost_milli), points(now_milli)
                yield f"{'':10}The trip's place cost {was} points before, and {now} now."
            cost_milli = now_milli
        if step.improvement is not None:
            yield from indented(_improvement_lines(step.improvement), by=10)
    if len(explanation.steps) == 1:
        yield "Nothing more is recorded."


def _runs(steps: tuple[Step, ...]) -> Iterator[list[Step]]:
    """The steps, those in one list where nothing but time has moved the plan."""
    run: list[Step] = []
    for step in steps:
        if run and _only_drifts(run[-1]) and _only_drifts(step):
            run.append(step)
            continue
        if run:
            yield run
        run = [step]
    if run:
        yield run


def _only_drifts(step: Step) -> bool:
    if step.before is None or step.event != "ClockTicked" or step.told or step.searches:
        return False
    moved = replace(step.before, pickup_s=step.after.pickup_s, dropoff_s=step.after.dropoff_s)
    return moved == step.after and not step.alerts


def _joined(steps: list[Step]) -> Step:
    return replace(steps[-1], before=steps[0].before)


def _chosen_milli(step: Step) -> int | None:
    """What the place cost that the step's searches led to; of several offers, the first."""
    for search in step.searches:
        if search.chosen is not None:
            placement = search.answer_of(search.chosen).placement
            return None if placement is None else placement.price.total_milli
    return None


def _change_lines(explanation: Explanation, step: Step, clock: Clock) -> Iterator[str]:
    before, after = step.before, step.after
    if before is not None:
        yield from _compared(explanation, before, after, clock)
    if step.command is not None and step.command.refusal is not None:
        refusal = step.command.refusal
        yield f"Nothing was done: {refusal.text} ({refusal.problem})"
    if step.told:
        said = f': "{step.told_text}"' if step.told_text else "."
        yield f"The rider was told{said}"
    for alert in step.alerts:
        yield f"Operators were alerted: {alert}"


def _compared(
    explanation: Explanation, before: TripView, after: TripView, clock: Clock
) -> Iterator[str]:
    if before.state is not after.state:
        yield f"{_state(before.state)} -> {_state(after.state)}."
    if before.shuttle_id != after.shuttle_id:
        yield f"Shuttle {before.shuttle_id or 'none'} -> {after.shuttle_id or 'none'}."
    if after.hold is Hold.MOVING and before.waits_for != after.waits_for:
        yield (
            f"Shuttle {after.shuttle_id} is sent for them once shuttle {after.waits_for} has"
            " confirmed that it does not come, or can board nobody any more."
        )
    if before.hold is Hold.MOVING and after.hold is Hold.FIRM:
        yield f"Shuttle {before.waits_for} has let them go; shuttle {after.shuttle_id} is sent."
    for name, was_s, now_s in (
        ("Pickup", before.pickup_s, after.pickup_s),
        ("Drop-off", before.dropoff_s, after.dropoff_s),
    ):
        if was_s is not None and now_s is not None and was_s != now_s:
            moved = "later" if now_s > was_s else "sooner"
            yield f"{name} planned {clock.at(now_s)}, {span(abs(now_s - was_s))} {moved}."
    if before.promise is not None and after.promise not in (None, before.promise):
        assert after.promise is not None
        yield f"Promise before: {_promise(explanation, before.promise, clock)}."
        yield f"Promise now:    {_promise(explanation, after.promise, clock)}."


def _improvement_lines(improvement: Improvement) -> Iterator[str]:
    saved = points(improvement.before.total_milli - improvement.after.total_milli)
    routes = ", ".join(improvement.shuttles)
    yield f"The routes of {routes} together cost {saved} points less."
    for move in improvement.moves:
        yield f"  {move.trip_id} went from shuttle {move.old_shuttle} to {move.new_shuttle}"
    for name, price in (("before", improvement.before), ("after", improvement.after)):
        yield f"  {name}:"
        yield from indented(price_lines(price), by=4)


def _promise(explanation: Explanation, promise: Promise, clock: Clock) -> str:
    names = explanation.stop_names
    return (
        f"board at {names[promise.pickup_stop]} between {clock.at(promise.pickup_earliest_s)} and"
        f" {clock.at(promise.pickup_latest_s)}, at {names[promise.dropoff_stop]} by"
        f" {clock.at(promise.dropoff_latest_s)}"
    )


def _state(state: TripState) -> str:
    return state.replace("_", " ")
