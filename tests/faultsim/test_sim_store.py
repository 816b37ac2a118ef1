"""The simulated store: the real journal on it, trouble on the way, and the real Redis beside it."""

import asyncio
import random
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from servers import RealRedis, redis_server

from dispatcher.journal import Entry, StoredJournal, UnknownOutcome, StoreUnavailable
from dispatcher.journal.stored import APPEND_SCRIPT
from simulator.faultsim.loop import SimLoop, run_in_loop
from simulator.faultsim.redis_twin import RedisTwin
from simulator.faultsim.store import SimStore
