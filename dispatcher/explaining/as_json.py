"""An explanation as JSON, for consoles and scripts: the same fields as in `explanation`."""

from pydantic import TypeAdapter

from dispatcher.explaining.explanation import Explanation

_ADAPTER = TypeAdapter(Explanation)


def explanation_json(explanation: Explanation, indent: int | None = 2) -> str:
    """All of it, times in UTC seconds and costs in milli-cost."""
    return _ADAPTER.dump_json(explanation, indent=indent).decode()
