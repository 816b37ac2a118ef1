"""The settings of the HTTP API: where it listens, and whom it believes."""

import re
from typing import Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator

from dispatcher.config_section import Section

LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})
Algorithm = Literal["ES256", "RS256", "Ed25519", "EdDSA"]
# name:role:sha256 of the key in hexadecimal digits
_API_KEY = re.compile(r"[A-Za-z0-9_.-]{1,40}:(service|operator|dispatcher):[0-9a-f]{64}")


class HttpSettings(Section):
    """Where the API listens, and how much it bears."""

    enabled: bool = True
    host: str = Field(default="127.0.0.1", description="interface to listen on")
    port: int = Field(default=8080, ge=0, le=65_535, description="0 for any free one")
    proxies: tuple[str, ...] = Field(
        default=(), description="addresses of proxies whose X-Forwarded-For and -Proto are believed"
    )
    public_url: str = Field(
        default="",
        description="address that browsers know, for codes, cookies and logins; none: as asked",
    )
    origins: tuple[str, ...] = Field(
        default=(), description="other sites whose pages may read the API; none: CORS is off"
    )
    connections: int = Field(
        default=500,
        ge=10,
        le=100_000,
        description="at once, streams too; from one address, not a proxy's, a quarter",
    )
    streams: int = Field(
        default=200,
        ge=4,
        le=50_000,
        description="live streams at once; half for guests at most, a quarter kept for operators",
    )
    caller_per_s: float = Field(
        default=5.0,
        gt=0,
        le=10_000,
        description="requests of one rider, operator or shuttle, and of one guest's link",
    )
    caller_burst: int = Field(default=60, ge=1, le=100_000, description="of these at once")
    guests_per_s: float = Field(
        default=10.0,
        gt=0,
        le=100_000,
        description="quotes and requests of all guests at one address, before they have a link",
    )
    guests_burst: int = Field(default=100, ge=1, le=1_000_000, description="of these at once")
    address_per_s: float = Field(
        default=40.0,
        gt=0,
        le=100_000,
        description="requests from one address, of IPv6 from one /64",
    )
    address_burst: int = Field(default=400, ge=1, le=1_000_000, description="of these at once")
    quotes_per_s: float = Field(
        default=20.0, gt=0, le=10_000, description="over all riders; each is a search"
    )

    @property
    def is_local(self) -> bool:
        return self.host in LOOPBACK


class AuthSettings(Section):
    """Whose tokens and keys are believed. As it comes: nobody's."""

    issuer: str | None = Field(default=None, description="of the tokens, exactly as they name it")
    audience: str = Field(default="ringmaster", description="for whom tokens must be made")
    keys: str | None = Field(
        default=None, description="the issuer's key set (JWKS): a file, or an https:// address"
    )
    algorithms: tuple[Algorithm, ...] = Field(
        default=("ES256", "RS256", "Ed25519"), description="ES256, RS256, Ed25519 or EdDSA"
    )
    roles_claim: str = Field(
        default="roles", description="where a token names roles; with dots inside objects"
    )
    rider_by_default: bool = Field(default=True, description="a token without roles is a rider's")
    leeway_s: int = Field(default=30, ge=0, le=300, description="that clocks may differ")
    keys_for_s: int = Field(
        default=600, ge=30, le=86_400, description="a fetched key set is used so long"
    )
    api_keys: tuple[str, ...] = Field(
        default=(), description="name:role:sha256 of the key; role service, operator or dispatcher"
    )
    login_client: str | None = Field(
        default=None,
        min_length=1,
        description="the dispatcher's client id at the issuer; with it pages log in there"
        " (OpenID Connect), and ID tokens name roles",
    )
    login_secret: SecretStr | None = Field(
        default=None, description="of that client; none: a public client, with PKCE alone"
    )
    login_scope: str = Field(default="openid", description="asked for there; openid among them")
    login_s: int = Field(
        default=8 * 3600,
        ge=60,
        le=7 * 86_400,
        description="who logged in there stays so for so long",
    )
    session_s: int = Field(
        default=900, ge=60, le=86_400, description="a page's cookie lasts so long, at most"
    )
    guests: bool = Field(default=False, description="who has no login may ask for trips")
    development: bool = Field(
        default=False, description="whoever asks is given any role; on loopback only"
    )

    @field_validator("api_keys")
    @classmethod
    def _readable(cls, keys: tuple[str, ...]) -> tuple[str, ...]:
        if not all(_API_KEY.fullmatch(key) for key in keys):
            # Without the key itself: it may be in plain text.
            raise ValueError("each must be name:role:sha256, as `ringmaster api-key` prints it")
        return keys

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if (self.issuer is None) != (self.keys is None):
            raise ValueError("issuer and keys go together")
        if self.keys is not None and "://" in self.keys:
            parts = urlsplit(self.keys)
            if parts.scheme != "https" and parts.hostname not in LOOPBACK:
                raise ValueError("keys must be a file or an https:// address")
        if not self.algorithms:
            raise ValueError("algorithms must name at least one")
        if self.login_client is not None:
            parts = urlsplit(self.issuer or "")
            if parts.scheme != "https" and parts.hostname not in LOOPBACK:
                raise ValueError("login_client needs an issuer with an https:// address")
            if "openid" not in self.login_scope.split():
                raise ValueError("login_scope must have openid in it")
        return self
