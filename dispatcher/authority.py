"""A certificate authority for development, in a folder: certificates, and the key of plans.

Keys are new with each certificate. A client's certificate proves a client and the broker's a
broker: a shuttle's key does not make a broker. Who runs a city uses an authority of its own,
with the same names.
"""

import ipaddress
import os
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from vehicles.signing import key_id_of
from vehicles.topics import VehicleName

CA: Final = "ca"
BROKER: Final = "broker"
PLAN_KEY_FILE: Final = "plan-signing.key"
PLAN_KEYS_DIR: Final = "plan-keys"
_EARLIER: Final = timedelta(minutes=5)  # clocks differ a little
_CA_DAYS: Final = 3650


class AuthorityError(Exception):
    """The folder cannot be used; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Lifetime:
    """Both ends in UTC."""

    begins: datetime
    ends: datetime

    @staticmethod
    def of_days(days: int, now: datetime | None = None) -> "Lifetime":
        now = now or datetime.now(UTC)
        return Lifetime(now - _EARLIER, now + timedelta(days=days))


def shuttle_files(vehicle: VehicleName) -> str:
    """Where a shuttle's certificate lies below the folder, without the ending."""
    return f"shuttles/{vehicle.manufacturer}/{vehicle.serial_number}"


def list_shuttles(folder: Path) -> tuple[VehicleName, ...]:
    """The shuttles that have a certificate in the folder."""
    return tuple(
        VehicleName(path.parent.name, path.name.removesuffix(".crt"))
        for path in sorted((folder / "shuttles").glob("*/*.crt"))
    )


def list_riders(folder: Path) -> tuple[str, ...]:
    """The riders that have a certificate in the folder."""
    paths = sorted((folder / "riders").glob("*.crt"))
    return tuple(path.name.removesuffix(".crt") for path in paths)


class Authority:
    """The authority of a folder; ``ca.key`` never has to leave it."""

    def __init__(
        self, folder: Path, key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate
    ) -> None:
        self.folder = folder
        self._key = key
        self._certificate = certificate

    @classmethod
    def create(cls, folder: Path) -> "Authority":
        """A new one. Raises ``AuthorityError`` if the folder has one already."""
        if (folder / f"{CA}.key").exists() or (folder / f"{CA}.crt").exists():
            raise AuthorityError(f"{folder} has an authority already; it is not written over")
        _make_folder(folder)
        key = ec.generate_private_key(ec.SECP256R1())
        name = _name(f"Ringmaster development CA {_key_id_of_ca(key)}")
        certificate = (
            _draft(name, name, key, Lifetime.of_days(_CA_DAYS))
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(signs_certificates=True), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
            .sign(key, hashes.SHA256())
        )
        _write_pair(folder / CA, key, certificate)
        return cls(folder, key, certificate)

    @classmethod
    def open(cls, folder: Path) -> "Authority":
        """The one in the folder. Raises ``AuthorityError`` if there is none to be read."""
        try:
            key = load_pem_private_key((folder / f"{CA}.key").read_bytes(), None)
            certificate = x509.load_pem_x509_certificate((folder / f"{CA}.crt").read_bytes())
        except OSError as error:
            raise AuthorityError(f"{error.filename}: {error.strerror}") from error
        except (ValueError, TypeError) as error:
            raise AuthorityError(f"{folder}: ca.key and ca.crt cannot be read: {error}") from error
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise AuthorityError(f"{folder}/ca.key is not a key that this command made")
        if key.public_key() != certificate.public_key():
            raise AuthorityError(f"{folder}: ca.key does not belong to ca.crt")
        return cls(folder, key, certificate)

    def issue_broker(self, hosts: tuple[str, ...], life: Lifetime) -> None:
        """The broker's certificate, for the names and addresses by which clients reach it."""
        names = x509.SubjectAlternativeName([_host(host) for host in hosts])
        draft = _draft(_name(hosts[0][:64]), self._certificate.subject, key := _new_key(), life)
        self._finish(BROKER, draft.add_extension(names, False), key, server=True)

    def issue_client(self, files: str, name: str, life: Lifetime) -> None:
        """A client's, called ``name``, in ``{files}.crt`` and ``{files}.key``."""
        key = _new_key()
        self._finish(files, _draft(_name(name), self._certificate.subject, key, life), key)

    def _finish(
        self,
        files: str,
        draft: x509.CertificateBuilder,
        key: ec.EllipticCurvePrivateKey,
        *,
        server: bool = False,
    ) -> None:
        purpose = ExtendedKeyUsageOID.SERVER_AUTH if server else ExtendedKeyUsageOID.CLIENT_AUTH
        certificate = (
            draft.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), False
            )
            .sign(self._key, hashes.SHA256())
        )
        _write_pair(self.folder / files, key, certificate)


def check_hosts(hosts: tuple[str, ...]) -> None:
    """Raise ``AuthorityError`` for a broker's name that cannot stand in a certificate."""
    for host in hosts:
        _host(host)


def hosts_of_broker(folder: Path) -> tuple[str, ...]:
    """The names in the broker's certificate; none if there is no certificate."""
    try:
        certificate = x509.load_pem_x509_certificate((folder / f"{BROKER}.crt").read_bytes())
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (OSError, ValueError, x509.ExtensionNotFound):
        return ()
    addresses = names.get_values_for_type(x509.IPAddress)
    return (*names.get_values_for_type(x509.DNSName), *map(str, addresses))


def create_plan_key(folder: Path) -> None:
    """The dispatcher's key for plans, and its public half where shuttles look for it."""
    key = Ed25519PrivateKey.generate()
    public = key.public_key()
    _make_folder(folder / PLAN_KEYS_DIR)
    public_pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    write_file(folder / PLAN_KEYS_DIR / f"{key_id_of(public)}.pub", public_pem, 0o644)
    private_pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    write_file(folder / PLAN_KEY_FILE, private_pem, 0o600)


def _key_id_of_ca(key: ec.EllipticCurvePrivateKey) -> str:
    """Tells one authority from another made by the same command."""
    return x509.SubjectKeyIdentifier.from_public_key(key.public_key()).digest.hex()[:8]


def _new_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _host(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        pass
    if not host.isascii() or not re.fullmatch(r"[A-Za-z0-9.*_-]+", host):
        raise AuthorityError(f"host {host!r}: write a name in letters a to z, or an address")
    return x509.DNSName(host)


def _draft(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, life: Lifetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(life.begins)
        .not_valid_after(life.ends)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _write_pair(
    files: Path, key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate
) -> None:
    _make_folder(files.parent)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    # A serial number may have dots: the ending is added, not replaced.
    write_file(files.with_name(f"{files.name}.key"), pem, 0o600)
    write_file(files.with_name(f"{files.name}.crt"), certificate.public_bytes(Encoding.PEM), 0o644)


def _make_folder(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)


def write_file(path: Path, content: bytes, mode: int) -> None:
    """Whole or not at all, and never readable by others for a moment."""
    new = path.with_name(f"{path.name}.new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(content)
    new.replace(path)
