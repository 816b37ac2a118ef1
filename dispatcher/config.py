"""Every setting, with its unit, bounds and default.

One TOML file, and environment variables ``RINGMASTER_SECTION__NAME`` over it. An unknown
name is an error that says which one was probably meant: a misspelt setting must not
silently leave the default in force.
"""

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final, Literal, Self
from urllib.parse import unquote, urlsplit

from pydantic import (
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from dispatcher.config_http import AuthSettings, HttpSettings
from dispatcher.config_rules import RuleSettings, service_rules
from dispatcher.config_section import Section
from dispatcher.config_words import in_words
from dispatcher.domain.rules import ServiceRules

PREFIX: Final = "RINGMASTER_"


class ConfigError(Exception):
    """The settings cannot be used; one line for each thing that is wrong."""


@dataclass(frozen=True, slots=True)
class BrokerAddress:
    """Where the broker is, from its URL."""

    host: str
    port: int
    tls: bool
    username: str | None
    password: str | None


class MqttSettings(Section):
    """The broker for riders and shuttles."""

    url: str = Field(default="mqtt://127.0.0.1:1883", description="mqtt:// or mqtts://host:port")
    username: str | None = Field(default=None, description="overrides the one in the URL")
    password: SecretStr | None = Field(default=None, description="overrides the one in the URL")
    client_id: str = Field(
        default="ringmaster",
        pattern=r"^[A-Za-z0-9_-]{1,32}$",
        description="start of the client ids; stable, the same for those that stand by",
    )
    interface: str = Field(
        default="uagv",
        pattern=r"^[A-Za-z0-9_-]{1,32}$",
        description="first level of the VDA 5050 topics",
    )
    ca_file: str | None = Field(
        default=None, description="of the broker's authority, for mqtts://; the machine's own else"
    )
    cert_file: str | None = Field(
        default=None, description="our certificate; {link} stands for riders or shuttles"
    )
    key_file: str | None = Field(default=None, description="its key; {link} as in cert_file")
    session_expiry_s: int = Field(
        default=3600,
        ge=0,
        le=7 * 24 * 3600,
        description="the broker keeps riders' messages so long",
    )

    @field_validator("url")
    @classmethod
    def _usable(cls, url: str) -> str:
        parts = urlsplit(url)
        if parts.scheme not in {"mqtt", "mqtts"} or not parts.hostname:
            raise ValueError("must be mqtt://host:port or mqtts://host:port")
        _ = parts.port  # raises ValueError where it is no port
        return url

    @model_validator(mode="after")
    def _has_both_or_neither(self) -> Self:
        if (self.cert_file is None) != (self.key_file is None):
            raise ValueError("mqtt.cert_file and mqtt.key_file belong together: give both")
        if (self.ca_file or self.cert_file) and not self.address().tls:
            raise ValueError("mqtt.ca_file and mqtt.cert_file need an mqtts:// address in mqtt.url")
        return self

    def address(self) -> BrokerAddress:
        parts = urlsplit(self.url)
        assert parts.hostname is not None
        tls = parts.scheme == "mqtts"
        password = self.password.get_secret_value() if self.password else None
        return BrokerAddress(
            host=parts.hostname,
            port=parts.port or (8883 if tls else 1883),
            tls=tls,
            username=self.username or (unquote(parts.username) if parts.username else None),
            password=password or (unquote(parts.password) if parts.password else None),
        )


def check_store_url(url: str) -> None:
    """Raise ``ValueError`` unless this is a store's address; the text repeats no password."""
    parts = urlsplit(url)
    is_socket = parts.scheme == "unix" and parts.path not in ("", "/")
    if not is_socket and not (parts.scheme in ("redis", "rediss") and parts.hostname):
        raise ValueError("must be redis://host:port/0, rediss://host:port/0 or unix:///path")
    _ = parts.port  # raises for one that is no number, or too large


class RedisSettings(Section):
    """The store of the journal."""

    url: SecretStr = Field(
        default=SecretStr("redis://127.0.0.1:6379/0"), description="redis://, rediss:// or unix://"
    )
    sentinels: tuple[str, ...] = Field(
        default=(),
        description="Sentinels, as host:port; the host in the URL is then their name of the master",
    )
    check_settings: bool = Field(
        default=True, description="refuse a store that could lose acknowledged events"
    )
    ca_file: str | None = Field(
        default=None, description="of the store's authority, for rediss://; the machine's own else"
    )

    @field_validator("sentinels")
    @classmethod
    def _have_places(cls, sentinels: tuple[str, ...]) -> tuple[str, ...]:
        if sentinels:
            from dispatcher.journal.sentinels import address_of  # loads the client

            for sentinel in sentinels:
                address_of(sentinel)
        return sentinels

    @field_validator("url")
    @classmethod
    def _has_a_place(cls, url: SecretStr) -> SecretStr:
        check_store_url(url.get_secret_value())
        return url

    @model_validator(mode="after")
    def _is_encrypted(self) -> Self:
        if self.ca_file and not self.url.get_secret_value().startswith("rediss:"):
            raise ValueError("redis.ca_file needs a rediss:// address in redis.url")
        return self


class ServiceSection(Section):
    """The loop that decides."""

    owner: str = Field(
        default="", max_length=100, description="shown with epoch and lease; host name"
    )
    inbox: int = Field(default=2_000, ge=64, le=100_000, description="events waiting at most")
    refuse_above: int = Field(
        default=500, ge=1, le=100_000, description="with so many waiting, requests are refused"
    )
    lease_s: float = Field(
        default=6.0, ge=2, le=60, description="without word so long, a leader makes way"
    )
    epoch_above: int = Field(
        default=0, ge=0, le=2**50, description="after the store lost epochs that shuttles know"
    )
    snapshot_every: int = Field(default=1_000, ge=100, le=1_000_000, description="events")
    snapshot_every_s: float = Field(
        default=300.0, ge=10, le=86_400, description="or so long, if anything happened"
    )
    keep_days: int = Field(
        default=30, ge=0, le=3_660, description="of the journal, in the store; 0: all of it"
    )


class RiderSettings(Section):
    """The riders' border."""

    requests_per_s: float = Field(default=20.0, gt=0, le=10_000, description="over all riders")
    burst: int = Field(default=100, ge=1, le=100_000, description="requests at once")
    retry_after_s: int = Field(default=5, ge=1, le=600, description="told with a refusal")
    wish_past_s: int = Field(default=120, ge=0, le=3600, description="oldest wished time")
    wish_ahead_s: int = Field(
        default=7 * 24 * 3600, ge=60, le=366 * 24 * 3600, description="furthest wished time"
    )
    clear_after_s: int = Field(
        default=7_200, ge=60, le=30 * 24 * 3600, description="ended trips stay retained so long"
    )
    coordinates_kept_s: int = Field(
        default=24 * 3600,
        ge=0,
        le=366 * 24 * 3600,
        description="after a trip; then its places on the map are known to a kilometre only",
    )


class ShuttleSettings(Section):
    """Who may join, and how long silence is borne."""

    allowed: tuple[str, ...] | None = Field(
        default=None, description="ids manufacturer:serial; all, if not given"
    )
    most: int = Field(default=500, ge=1, le=10_000, description="shuttles")
    default_seats: int = Field(
        default=0, ge=0, le=100, description="of shuttles without a factsheet; 0: left out"
    )
    default_wheelchairs: int = Field(default=0, ge=0, le=20, description="as default_seats")
    silent_after_s: int = Field(
        default=45, ge=5, le=600, description="no state for so long; states come every 30 s"
    )
    max_clock_error_s: int = Field(
        default=600, ge=1, le=86_400, description="states stamped further off are dropped"
    )
    messages_per_s: float = Field(
        default=10.0, gt=0, le=1_000, description="of one shuttle; of more the newest are read"
    )
    signing_key_file: str | None = Field(
        default=None, description="Ed25519 key (PEM) that signs orders; unsigned without it"
    )


class ImproverSettings(Section):
    """The search for better plans."""

    enabled: bool = True
    every_s: int = Field(default=10, ge=1, le=3600, description="seconds of the zone's clock")
    time_limit_s: float = Field(default=1.0, ge=0.1, le=300, description="real seconds a search")
    method: Literal["neighbourhoods", "routing"] = Field(
        default="neighbourhoods", description="own search, or OR-Tools' routing model"
    )


class ClockSettings(Section):
    """The zone's clock: the machine's own, or for demonstrations a faster one.

    Simulated shuttles and riders given the same three numbers share it.
    """

    speed: float = Field(default=1.0, gt=0, le=200, description="1 is the machine's own clock")
    start_s: int | None = Field(default=None, ge=0, description="UTC seconds it showed ...")
    anchor_s: float | None = Field(default=None, ge=0, description="... at this real moment")

    @model_validator(mode="after")
    def _is_anchored(self) -> Self:
        if self.speed != 1.0 and (self.start_s is None or self.anchor_s is None):
            raise ValueError("another speed than 1 needs clock.start_s and clock.anchor_s")
        return self


class MetricsSettings(Section):
    """``/metrics`` and ``/healthz``."""

    enabled: bool = True
    host: str = Field(default="127.0.0.1", description="interface to listen on")
    port: int = Field(default=9464, ge=0, le=65_535, description="0 for any free one")


class LogSettings(Section):
    format: Literal["json", "console"] = "console"
    level: Literal["debug", "info", "warning", "error"] = "info"


class Settings(BaseSettings):
    """All of them. Make one with ``read_settings``."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_nested_delimiter="__", extra="forbid", frozen=True
    )

    zone: str = Field(default="sejong-5-1", description="a built-in zone or a zone's directory")
    rules: RuleSettings = RuleSettings()
    mqtt: MqttSettings = MqttSettings()
    redis: RedisSettings = RedisSettings()
    service: ServiceSection = ServiceSection()
    riders: RiderSettings = RiderSettings()
    shuttles: ShuttleSettings = ShuttleSettings()
    improver: ImproverSettings = ImproverSettings()
    clock: ClockSettings = ClockSettings()
    metrics: MetricsSettings = MetricsSettings()
    http: HttpSettings = HttpSettings()
    auth: AuthSettings = AuthSettings()
    logs: LogSettings = LogSettings()

    @model_validator(mode="after")
    def _agree(self) -> Self:
        rules = service_rules(self.rules)  # raises ValueError where they contradict each other
        if self.riders.clear_after_s > rules.forget_after_s:
            # After a restart nobody would know any more what is still to be cleared.
            raise ValueError("riders.clear_after_s may not exceed rules.forget_after_s")
        if rules.charge_to_pct <= rules.charge_below_pct:
            raise ValueError("rules.charge_to_pct must be above rules.charge_below_pct")
        if self.service.refuse_above > self.service.inbox:
            raise ValueError("service.refuse_above may not exceed service.inbox")
        if self.auth.development and not self.http.is_local:
            raise ValueError("auth.development lets anybody in; it needs a loopback http.host")
        return self

    @property
    def service_rules(self) -> ServiceRules:
        return service_rules(self.rules)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        # What is passed in comes from the file; the environment goes over it.
        return env_settings, init_settings


def read_settings(path: Path | None = None) -> Settings:
    """The settings of a file (or of none) and the environment.

    Raises
    ------
    ConfigError
        Says which setting is wrong, and what would be right.
    """
    written: dict[str, Any] = {}
    if path is not None:
        try:
            written = tomllib.loads(path.read_text("utf-8"))
        except OSError as error:
            raise ConfigError(f"{path}: {error.strerror or error}") from error
        except ValueError as error:
            raise ConfigError(f"{path}: not TOML: {error}") from error
    unknown = _unknown_variables(os.environ)
    try:
        settings = Settings(**written)
    except ValidationError as error:
        raise ConfigError(
            "\n".join(unknown + [in_words(e, Settings) for e in error.errors()])
        ) from error
    except SettingsError as error:
        # A list in an environment variable that is not JSON.
        raise ConfigError(f"environment: {error}") from error
    if unknown:
        raise ConfigError("\n".join(unknown))
    return settings


def _unknown_variables(environment: Mapping[str, str]) -> list[str]:
    """Variables that look like settings but name no section."""
    problems: list[str] = []
    for variable in sorted(environment):
        if not variable.upper().startswith(PREFIX):
            continue
        name = variable[len(PREFIX) :].split("__")[0].lower()
        if name not in Settings.model_fields:
            close = get_close_matches(name, Settings.model_fields, n=1)
            hint = f"did you mean {PREFIX}{close[0].upper()}?" if close else "remove it"
            problems.append(f"{variable}: unknown setting; {hint}")
    return problems
