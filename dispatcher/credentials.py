"""Certificates and keys from files: read at start, with errors that name the file."""

import ssl
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509

from dispatcher.access import Link
from dispatcher.config import MqttSettings, Settings
from vehicles.signing import PlanSigner


class CredentialError(ValueError):
    """A certificate or key cannot be used; the text names the file and says why."""


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """Without ``ca`` the machine's own authorities are trusted, without the rest we are nobody."""

    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None


def client_context(files: TlsFiles) -> ssl.SSLContext:
    """What a client needs for TLS. The server must prove its name in any case.

    Raises
    ------
    CredentialError
        A file cannot be read, is something else, has expired or belongs to another.
    """
    if files.ca is not None:
        _certificate(files.ca)
    try:
        context = ssl.create_default_context(cafile=files.ca)
    except (OSError, ssl.SSLError) as error:
        raise CredentialError(f"{files.ca}: no certificates in PEM: {error}") from error
    if files.certificate is None:
        return context
    _certificate(files.certificate)
    assert files.key is not None
    try:
        # The password keeps OpenSSL from asking for one at the terminal.
        context.load_cert_chain(files.certificate, files.key, password="")
    except ssl.SSLError as error:
        raise CredentialError(
            f"{files.key}: not the key of {files.certificate}, or no key in PEM without a password"
        ) from error
    except OSError as error:
        raise CredentialError(f"{files.key}: {error.strerror or error}") from error
    return context


def mqtt_tls(mqtt: MqttSettings, link: Link) -> ssl.SSLContext | None:
    """For one of the dispatcher's links; None where the broker's address asks for no TLS."""
    if not mqtt.address().tls:
        return None
    return client_context(
        TlsFiles(_path(mqtt.ca_file, link), _path(mqtt.cert_file, link), _path(mqtt.key_file, link))
    )


def plan_signer(path: str | None) -> PlanSigner | None:
    """Raises ``vehicles.signing.SigningKeyError``."""
    return None if path is None else PlanSigner.load(Path(path))


def check_credentials(settings: Settings) -> None:
    """Read every file that the settings name, so that a bad one is known before any waiting.

    Raises
    ------
    CredentialError, SigningKeyError
        As above.
    """
    for link in Link:
        mqtt_tls(settings.mqtt, link)
    plan_signer(settings.shuttles.signing_key_file)
    if settings.redis.ca_file is not None:
        client_context(TlsFiles(ca=Path(settings.redis.ca_file)))


def _path(written: str | None, link: Link) -> Path | None:
    return None if written is None else Path(written.replace("{link}", link))


def _certificate(path: Path) -> None:
    """Raise ``CredentialError`` unless a certificate is there that is valid now."""
    try:
        certificate = x509.load_pem_x509_certificate(path.read_bytes())
    except OSError as error:
        raise CredentialError(f"{path}: {error.strerror or error}") from error
    except ValueError as error:
        raise CredentialError(f"{path}: no certificate in PEM: {error}") from error
    now = datetime.now(UTC)
    if now > certificate.not_valid_after_utc:
        ended = certificate.not_valid_after_utc.isoformat()
        raise CredentialError(f"{path}: expired at {ended}; make a new one")
    if now < certificate.not_valid_before_utc:
        begins = certificate.not_valid_before_utc.isoformat()
        raise CredentialError(f"{path}: valid only from {begins}; is this machine's clock right?")
