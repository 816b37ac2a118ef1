"""Stops' codes are made one at a time, beside the loop, and not for whatever address is named."""

import asyncio
import threading
from collections import Counter

import httpx
import pytest
from test_rider_routes import problem
from web_town import Town, a_town

from dispatcher.web import stop_codes
from dispatcher.web.problems import WebProblem
from dispatcher.web.stop_codes import MOST_KEPT, NEW_EVERY_S, StopCodes


async def get(town: Town, path: str, host: str = "127.0.0.1") -> httpx.Response:
    async with town.client({"Host": host}) as client:
        return await client.get(path)


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often the code of each address was made; never in the loop, nor two at once."""
    counted: Counter[str] = Counter()
    make, busy = stop_codes.qr_svg, threading.Lock()

    def counting(address: str) -> str:
        assert threading.current_thread() is not threading.main_thread()
        assert busy.acquire(blocking=False)
        counted[address] += 1
        code = make(address)
        busy.release()
        return code

    monkeypatch.setattr(stop_codes, "qr_svg", counting)
    return counted


async def test_codes_are_made_once_one_at_a_time_and_away_from_the_loop(made: Counter[str]) -> None:
    async with a_town() as town:
        paths = ["/ride/stops", "/v1/stops/Q/qr.svg", "/ride/stops?lang=ko", "/v1/stops/R/qr.svg"]
        answers = await asyncio.gather(*(get(town, path) for path in paths))
        assert {answer.status_code for answer in answers} == {200}
        assert made["http://127.0.0.1/ride/stop/Q"] == 1
        assert set(made.values()) == {1}


async def test_who_names_address_after_address_has_no_more_codes_made(made: Counter[str]) -> None:
    async with a_town() as town:
        for port in range(MOST_KEPT):
            assert (await get(town, "/ride/stops", f"127.0.0.1:{port}")).status_code == 200
        before = made.total()
        for path in ("/ride/stops", "/v1/stops/Q/qr.svg"):
            answer = await get(town, path, "127.0.0.1:9999")
            assert problem(answer, 429, "TOO_MANY_REQUESTS")["retry_after_s"] == NEW_EVERY_S
            assert answer.headers["retry-after"] == "60"
            # Those that were made are there as before.
            assert (await get(town, path, "127.0.0.1:0")).status_code == 200
        assert made.total() == before


async def test_where_riders_address_is_set_the_one_named_makes_nothing(made: Counter[str]) -> None:
    async with a_town(http={"public_url": "https://ride.example"}) as town:
        for port in range(2 * MOST_KEPT):
            code = await get(town, "/v1/stops/Q/qr.svg", f"127.0.0.1:{port}")
            assert code.status_code == 200
        assert made == {"https://ride.example/ride/stop/Q": 1}


def test_a_new_address_is_taken_on_later_in_place_of_the_one_used_longest_ago() -> None:
    now_s = 0.0
    codes = StopCodes("", monotonic=lambda: now_s)
    first, second, *_ = kept = [codes.under(f"http://a{n}") for n in range(MOST_KEPT)]
    assert codes.under("http://a0") is first
    with pytest.raises(WebProblem):
        codes.under("http://b")
    now_s = NEW_EVERY_S
    assert codes.under("http://b") not in kept
    assert codes.under("http://a0") is first
    now_s = 2 * NEW_EVERY_S
    assert codes.under("http://a1") is not second


@pytest.mark.parametrize(
    ("base", "is_one"),
    [
        ("http://127.0.0.1:8080", True),
        ("https://ride.sejong.example", True),
        ("https://[2001:db8::1]:8443", True),
        ('http://127.0.0.1:evil/"><x', False),
        ("http://" + "a" * 254, False),  # no name is longer than 253
        ("http://", False),
        ("http://ride.example:80@elsewhere.example", False),
    ],
)
def test_only_names_and_addresses_are_written_into_codes(base: str, is_one: bool) -> None:
    codes = StopCodes("", monotonic=lambda: 0.0)
    if is_one:
        assert codes.under(base).address("Q") == f"{base}/ride/stop/Q"
        return
    with pytest.raises(WebProblem) as refused:
        codes.under(base)
    assert (refused.value.status_code, refused.value.document.field) == (422, "Host")


async def test_what_has_codes_counts_against_the_rate_of_its_address() -> None:
    async with a_town(http={"address_per_s": 0.1, "address_burst": 2}) as town:
        assert (await get(town, "/ride/stops")).status_code == 200
        assert (await get(town, "/v1/stops/Q/qr.svg")).status_code == 200
        for path in ("/ride/stops", "/v1/stops/Q/qr.svg"):
            problem(await get(town, path), 429, "TOO_MANY_REQUESTS")
        assert (await get(town, "/ride")).status_code == 200  # ready as it is
