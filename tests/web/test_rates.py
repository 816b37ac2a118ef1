"""Many people behind one address are served, and one of them who asks too much is not."""

from dataclasses import dataclass, field

import pytest
from test_rider_routes import problem
from web_town import GUEST_ID, a_town

from dispatcher.config_http import HttpSettings
from dispatcher.domain.ids import TripId
from dispatcher.web.live import MOST_OF_ONE
from dispatcher.web.principals import GUEST, Means, Principal, Role
from dispatcher.web.problems import WebProblem
from dispatcher.web.rates import Rates, source_of

CAMPUS = "192.0.2.7"
ELSEWHERE = "198.51.100.9"


@dataclass
class Border:
    """The rates as they come in the settings, asked as a route does."""

    now_s: float = 0.0
    rates: Rates = field(init=False)

    def __post_init__(self) -> None:
        self.rates = Rates(HttpSettings(), monotonic=lambda: self.now_s)

    def lets_in(
        self,
        address: str,
        who: Principal | None = GUEST,
        *,
        trip: str | None = None,
        quote: bool = False,
    ) -> bool:
        """``who`` is None for what needs no login, as the map does not."""
        try:
            self.rates.take_address(address)
            if who is not None:
                self.rates.take_caller(who, address, None if trip is None else TripId(trip))
            if quote:
                self.rates.take_quote()
        except WebProblem:
            return False
        return True


def test_a_campus_behind_one_address_is_served() -> None:
    """60 people look at offers, which are quoted anew every 10 s: 6 quotes a second. Three a second
    open the page (2 requests), order (1) and go on with their link (3): 6 + 3 x 6 = 24 a second of
    the address's 40, and 6 + 3 = 9 of the 10 of guests without a link.
    """
    border = Border()
    for tenth in range(10 * 600):
        border.now_s = tenth / 10
        if tenth % 5 < 3:
            assert border.lets_in(CAMPUS, quote=True), border.now_s
        if tenth % 10 in (0, 3, 6):
            trip = f"t{tenth}"
            asked = [border.lets_in(CAMPUS, None), border.lets_in(CAMPUS, None)]
            asked.append(border.lets_in(CAMPUS))
            asked += [border.lets_in(CAMPUS, trip=trip) for _ in ("answer", "look", "follow")]
            assert all(asked), border.now_s


def test_who_asks_for_quotes_without_end_leaves_half_of_them_to_others() -> None:
    border = Border()
    got = others = 0
    for hundredth in range(100 * 60):
        border.now_s = hundredth / 100
        got += border.lets_in(CAMPUS, quote=True)
        if hundredth % 12 == 0:  # 8 a second
            others += 1
            assert border.lets_in(ELSEWHERE, quote=True), border.now_s
    assert others == 500
    assert got <= 100 + 10 * 60  # the burst, and 10 a second


def test_who_asks_too_much_by_a_link_costs_the_neighbours_nothing() -> None:
    border = Border()
    got = 0
    for thousandth in range(1000 * 10):
        border.now_s = thousandth / 1000
        got += border.lets_in(CAMPUS, trip="the abuser's")
        if thousandth % 100 == 0:
            assert border.lets_in(CAMPUS, trip=f"a neighbour's {thousandth % 1000}")
    assert got <= 60 + 5 * 10


def test_who_asks_too_much_with_a_login_costs_the_neighbours_nothing() -> None:
    border = Border()
    abuser = Principal("a", frozenset({Role.RIDER}), Means.COOKIE)
    got = 0
    for thousandth in range(1000 * 10):
        border.now_s = thousandth / 1000
        got += border.lets_in(CAMPUS, abuser)
        if thousandth % 100 == 0:
            assert border.lets_in(CAMPUS, None)
    assert got <= 60 + 5 * 10


def test_many_links_or_addresses_of_a_network_do_not_make_more_of_one() -> None:
    border = Border()
    got = sum(border.lets_in(CAMPUS, trip=f"t{n}") for n in range(2_000))
    assert got == 400  # all that one address has at once
    got = sum(border.lets_in(f"2001:db8:1:2::{n:x}") for n in range(2_000))
    assert got == 100  # all that guests of one network have at once
    assert border.lets_in("2001:db8:1:3::1")


@pytest.mark.parametrize(
    ("address", "source"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("2001:db8:1:2::", "2001:db8:1:2::"),
        ("::ffff:192.0.2.7", "192.0.2.7"),  # as a socket for both shows it
        ("fe80::1%eth0", "fe80::"),
        ("unknown", "unknown"),
    ],
)
def test_what_counts_as_one_place(address: str, source: str) -> None:
    assert source_of(address) == source


async def test_a_whole_household_follows_its_trips_and_one_link_cannot_take_all_streams() -> None:
    streams = 8 * MOST_OF_ONE  # 20 for guests of one place, 40 for all guests
    async with a_town(http={"streams": streams}) as town:
        links = []
        for number in range(streams):
            wish = {"id": f"{GUEST_ID}{number:02}", "from": "Q", "to": "S"}
            links.append((await town.call("POST", "/guest/trips", json=wish)).json()["link"])
        hub = town.web.parts.hub
        guests = town.web.parts.links
        assert guests is not None

        def follow(link: str, source: str) -> bool:
            trip = guests.trip_id(link)
            try:
                hub.open(f"link {trip}", list, list, source=source)
            except WebProblem:
                return False
            return True

        assert [follow(links[0], CAMPUS) for _ in range(MOST_OF_ONE + 1)][-2:] == [True, False]
        assert all(follow(link, CAMPUS) for link in links[1 : MOST_OF_ONE + 1])
        # The other half of guests' streams is for other places.
        assert not follow(links[-1], CAMPUS)
        answer = await town.call("GET", f"/guest/trips/{links[-1]}/events")  # from the same address
        problem(answer, 503, "TOO_MANY_STREAMS")
        assert answer.headers["retry-after"] == "10"
        assert follow(links[-1], ELSEWHERE)
