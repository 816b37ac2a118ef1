"""The independent judge of solutions to static instances.

It reads the instance itself and shares no code with the readers, the planner or the search. It is
given routes of the file's node numbers and nothing else, and decides exactly, in doubles, whether
vehicles could drive them and what the cheapest way costs.
"""

from dispatcher.planning.static_checker.judge import Verdict, judge

__all__ = ["Verdict", "judge"]
