"""Whose tokens are believed: one issuer's, for us, in their time, signed as the settings say."""

import asyncio
import json
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, OctKey, OKPKey, RSAKey
from service_fakes import until

from dispatcher.config import ConfigError, read_settings
from dispatcher.web.api_keys import ApiKeys, digest_of, new_key
from dispatcher.web.key_sets import FetchedKeys, FixedKeys, KeySetError, key_set_of
from dispatcher.web.principals import Role
from dispatcher.web.sessions import Sessions
from dispatcher.web.tokens import TokenError, TokenRules, TokenVerifier

NOW_S = 1_800_000_000
ISSUER = "https://login.example"
RULES = TokenRules(ISSUER, "ringmaster", ("ES256", "RS256", "Ed25519"))
EC = ECKey.generate_key("P-256", parameters={"kid": "ec"})
RSA = RSAKey.generate_key(2048, parameters={"kid": "rsa"})
OKP = OKPKey.generate_key("Ed25519", parameters={"kid": "okp"})
PUBLIC = json.dumps(KeySet([EC, RSA, OKP]).as_dict(private=False)).encode()
CLAIMS: dict[str, Any] = {
    "iss": ISSUER,
    "aud": "ringmaster",
    "sub": "ana",
    "exp": NOW_S + 600,
    "roles": ["rider"],
}


def a_token(key: Any = EC, alg: str = "ES256", kid: str | None = None, **claims: Any) -> str:
    told = {name: value for name, value in {**CLAIMS, **claims}.items() if value is not None}
    header = {"alg": alg, "kid": kid or key.kid}
    return jwt.encode(header, told, key, algorithms=[alg])


def a_verifier(rules: TokenRules = RULES) -> TokenVerifier:
    return TokenVerifier(rules, FixedKeys(key_set_of(PUBLIC)), now=lambda: NOW_S)


@pytest.mark.parametrize(("key", "alg"), [(EC, "ES256"), (RSA, "RS256"), (OKP, "Ed25519")])
async def test_a_token_of_the_issuer_is_believed(key: Any, alg: str) -> None:
    principal = await a_verifier().principal(a_token(key, alg))
    assert principal.id == "ana"
    assert principal.roles == {Role.RIDER}
    assert principal.expires_s == NOW_S + 600 + 30


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://login.elsewhere"},
        {"iss": None},
        {"aud": "other"},
        {"aud": ["other"]},
        {"aud": None},
        {"exp": NOW_S - 30},
        {"exp": None},
        {"exp": True},
        {"exp": 1e300},
        {"exp": "soon"},
        {"nbf": NOW_S + 31},
        {"sub": None},
        {"sub": ""},
        {"sub": 7},
        {"sub": "x" * 201},
    ],
    ids=str,
)
async def test_a_claim_that_is_wrong_ends_it(claims: dict[str, Any]) -> None:
    with pytest.raises(TokenError):
        await a_verifier().principal(a_token(**claims))


@pytest.mark.parametrize(
    ("claims", "is_believed"),
    [
        ({}, True),
        ({"azp": "ringmaster"}, True),
        ({"azp": "other"}, False),
        ({"azp": ["ringmaster"]}, False),
        ({"aud": ["ringmaster"]}, True),
        ({"aud": ["ringmaster", "other"]}, False),
        ({"aud": ["ringmaster", "other"], "azp": "other"}, False),
        ({"aud": ["ringmaster", "other"], "azp": "ringmaster"}, True),
    ],
    ids=str,
)
async def test_what_is_made_for_several_must_have_been_asked_for_by_the_client(
    claims: dict[str, Any], is_believed: bool
) -> None:
    token = a_token(**claims)
    try:
        await a_verifier(replace(RULES, party="ringmaster")).principal(token)
    except TokenError:
        assert not is_believed
    else:
        assert is_believed
    # Whoever has asked for it, a bearer token is for its audience.
    await a_verifier().principal(token)


async def test_clocks_may_differ_a_little() -> None:
    verifier = a_verifier()
    await verifier.principal(a_token(exp=NOW_S - 29))
    await verifier.principal(a_token(nbf=NOW_S + 29))


async def test_a_signature_of_another_kind_or_key_is_not_believed() -> None:
    stranger = ECKey.generate_key("P-256", parameters={"kid": "ec"})
    public_as_secret = OctKey.import_key(PUBLIC, parameters={"kid": "ec"})
    payload = a_token().split(".")[1]
    nothing = "eyJhbGciOiJub25lIn0." + payload + "."
    for token in (
        a_token(stranger),
        a_token(public_as_secret, "HS256"),
        a_token(RSA, "PS256"),
        nothing,
        "",
        "a.b.c",
        "x" * 9000,
        a_token()[:-8],
    ):
        with pytest.raises(TokenError):
            await a_verifier().principal(token)


@pytest.mark.parametrize(
    ("named", "roles"),
    [
        (None, [Role.RIDER]),
        (["operator", "billing"], [Role.OPERATOR]),
        ("admin rider", [Role.ADMIN, Role.RIDER]),
        (["billing"], []),
        ([], []),
        (["guest"], []),
        ({"rider": True}, []),
        ([["admin"]], []),
    ],
    ids=str,
)
async def test_roles_come_from_the_claim_and_nothing_else_gives_one(
    named: Any, roles: list[Role]
) -> None:
    principal = await a_verifier().principal(a_token(roles=named))
    assert principal.roles == set(roles)


async def test_roles_may_lie_inside_an_object() -> None:
    rules = TokenRules(ISSUER, "ringmaster", ("ES256",), "realm_access.roles", False)
    verifier = a_verifier(rules)
    inside = await verifier.principal(a_token(realm_access={"roles": ["operator"]}))
    assert inside.roles == {Role.OPERATOR}
    assert (await verifier.principal(a_token(realm_access="x"))).roles == set()


async def test_the_former_name_of_ed25519_holds_only_where_it_is_asked_for() -> None:
    with pytest.warns(match="EdDSA"):
        token = a_token(OKP, "EdDSA")
    with pytest.raises(TokenError):
        await a_verifier().principal(token)
    verifier = a_verifier(TokenRules(ISSUER, "ringmaster", ("EdDSA",)))
    assert (await verifier.principal(token)).id == "ana"


async def test_any_subject_is_a_rider_id_and_no_two_are_one() -> None:
    ids = set()
    for subject in ("ana", "auth0|7", "auth0_7", "s_x", "a" * 65, "ana "):
        rider = (await a_verifier().principal(a_token(sub=subject))).rider_id
        assert 1 <= len(rider) <= 64
        assert rider.replace("_", "").replace("-", "").isalnum()
        ids.add(rider)
    assert len(ids) == 6
    assert "ana" in ids  # the same rider as over MQTT


class Issuer:
    """Serves a key set, or fails; counts how often it is asked."""

    def __init__(self) -> None:
        self.asked = 0
        self.body: bytes | OSError = PUBLIC
        self.now_s = 0.0
        self.answers = threading.Event()
        self.answers.set()
        self.keys = FetchedKeys(ISSUER, for_s=600, fetch=self.fetch, monotonic=lambda: self.now_s)

    def fetch(self, url: str) -> bytes:
        self.asked += 1
        assert self.answers.wait(10)
        if isinstance(self.body, OSError):
            raise self.body
        return self.body


async def test_keys_are_fetched_once_and_again_when_they_are_old() -> None:
    issuer = Issuer()
    await asyncio.gather(*(issuer.keys.key_set() for _ in range(10)))
    assert issuer.asked == 1
    issuer.now_s = 601
    await issuer.keys.key_set()
    await issuer.keys.key_set(newer=True)  # waits for what is being fetched already
    assert issuer.asked == 2


async def test_a_new_key_of_the_issuers_is_soon_believed() -> None:
    issuer = Issuer()
    verifier = TokenVerifier(RULES, issuer.keys, now=lambda: NOW_S)
    await verifier.principal(a_token())
    fresh = ECKey.generate_key("P-256", parameters={"kid": "fresh"})
    issuer.body = json.dumps(KeySet([fresh]).as_dict(private=False)).encode()
    with pytest.raises(TokenError):  # asked a moment ago: not again at the rate of bad tokens
        await verifier.principal(a_token(fresh))
    assert issuer.asked == 1
    issuer.now_s = 11
    assert (await verifier.principal(a_token(fresh))).id == "ana"
    with pytest.raises(TokenError):
        await verifier.principal(a_token())


@pytest.mark.parametrize(
    "token",
    [
        "junk",
        "a.b.c",
        a_token(ECKey.generate_key("P-256"), kid="ec"),
        a_token(OctKey.generate_key(256), "HS256", "fresh"),
    ],
    ids=["junk", "of-three-parts", "of-a-known-key", "of-another-kind"],
)
async def test_no_nonsense_makes_us_ask_for_keys(token: str) -> None:
    issuer = Issuer()
    verifier = TokenVerifier(RULES, issuer.keys, now=lambda: NOW_S)
    await verifier.principal(a_token())
    issuer.now_s = 11
    with pytest.raises(TokenError):
        await verifier.principal(token)
    assert issuer.asked == 1


@pytest.mark.parametrize("age_s", [11, 601])
async def test_nobody_waits_for_a_slow_issuer_who_shows_a_known_key(age_s: int) -> None:
    issuer = Issuer()
    verifier = TokenVerifier(RULES, issuer.keys, now=lambda: NOW_S)
    await verifier.principal(a_token())
    issuer.now_s = age_s
    issuer.answers.clear()
    fresh = a_token(ECKey.generate_key("P-256"), kid="fresh")
    strangers = [asyncio.create_task(verifier.principal(fresh)) for _ in range(5)]
    try:
        await until(lambda: issuer.asked == 2)
        async with asyncio.timeout(5):
            assert (await verifier.principal(a_token())).id == "ana"
        assert not any(stranger.done() for stranger in strangers)
        strangers[0].cancel()  # the others go on waiting
    finally:
        issuer.answers.set()
    ends = await asyncio.gather(*strangers, return_exceptions=True)
    assert [type(end) for end in ends] == [asyncio.CancelledError, *[TokenError] * 4]
    assert issuer.asked == 2


async def test_keys_that_cannot_be_renewed_are_believed_for_a_while_only() -> None:
    issuer = Issuer()
    await issuer.keys.key_set()
    issuer.body = OSError("gone")
    issuer.now_s = 700
    await issuer.keys.key_set()
    issuer.now_s = 1300
    with pytest.raises(KeySetError):
        await issuer.keys.key_set()


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"{}", b'{"keys": []}', b'{"keys": [{"kty": "oct", "k": "c2VjcmV0"}]}', b"\xff"],
)
def test_what_holds_no_public_keys_is_no_key_set(body: bytes) -> None:
    with pytest.raises(KeySetError):
        key_set_of(body)


def test_a_key_is_known_by_its_digest_alone() -> None:
    key = new_key()
    keys = ApiKeys([f"planner:service:{digest_of(key)}"])
    holder = keys.find(key)
    assert holder is not None
    assert holder.roles == {Role.SERVICE}
    assert keys.find(digest_of(key)) is None
    assert keys.find("") is None


async def test_a_session_ends_with_what_it_was_begun_with() -> None:
    now_s = [float(NOW_S)]
    sessions = Sessions(900, now=lambda: now_s[0])
    principal = await a_verifier().principal(a_token(exp=NOW_S + 60))
    secret, _ = sessions.begin(principal)
    assert sessions.find(secret) is not None
    now_s[0] += 89
    assert sessions.find(secret) is not None
    now_s[0] += 1
    assert sessions.find(secret) is None
    assert len(sessions) == 0


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ('[auth]\nissuer = "https://x"', "issuer and keys go together"),
        ('[auth]\nissuer = "https://x"\nkeys = "http://x/jwks"', "https:// address"),
        ('[auth]\napi_keys = ["planner:admin:00"]', "name:role:sha256"),
        ('[auth]\nalgorithms = ["none"]', "algorithms"),
        ('[auth]\ndevelopment = true\n[http]\nhost = "0.0.0.0"', "loopback"),
    ],
)
def test_settings_that_would_let_anybody_in_are_refused(
    tmp_path: Path, written: str, said: str
) -> None:
    path = tmp_path / "ringmaster.toml"
    path.write_text(written)
    with pytest.raises(ConfigError, match=said):
        read_settings(path)
