"""``ringmaster certs`` and ``broker-config``: who is who at the broker, and may do what."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dispatcher.cli_exits import EXIT_SETTINGS, fail

if TYPE_CHECKING:
    from vehicles.topics import VehicleName

Zones = Annotated[
    list[str], typer.Option("--zone", help="Id of a zone served; once for each.", metavar="ID")
]
ClientId = Annotated[str, typer.Option(help="The dispatcher's mqtt.client_id.")]


def certs(
    out: Annotated[Path, typer.Option(help="Folder for the authority and all it issues.")],
    shuttle: Annotated[
        list[str] | None, typer.Option(help="manufacturer:serial; once for each shuttle.")
    ] = None,
    shuttles: Annotated[
        int, typer.Option(min=0, max=1000, help="So many of the simulated shuttles.")
    ] = 0,
    rider: Annotated[list[str] | None, typer.Option(help="A rider's id; once for each.")] = None,
    host: Annotated[
        list[str] | None, typer.Option(help="Name or address of the broker, if not localhost.")
    ] = None,
    zone: Zones = ["sejong-5-1"],  # noqa: B006 - typer makes a list of its own each time
    client_id: ClientId = "ringmaster",
    days: Annotated[int, typer.Option(min=1, max=825, help="How long certificates hold.")] = 365,
    renew: Annotated[
        bool, typer.Option("--renew", help="Replace all certificates that are there already.")
    ] = False,
) -> None:
    """Make a certificate authority for development, and certificates for all who use the broker.

    Those of broker, dispatcher and rider gateway, and the key that signs plans, are made in any
    case. What is there is kept: run it again to add shuttles. With --renew all certificates are
    replaced, keys included; the authority and the key of plans stay.
    """
    from dispatcher import authority

    hosts = tuple(host or authority.hosts_of_broker(out) or ["localhost"])
    vehicles = authority.list_shuttles(out) if renew else ()
    riders = authority.list_riders(out) if renew else ()
    try:
        authority.check_hosts(hosts)
        life = authority.Lifetime.of_days(days)
        vehicles = (*vehicles, *_vehicles(shuttle or [], shuttles))
        clients = _clients(zone, client_id, vehicles, (*riders, *(rider or [])))
        is_new = not (out / f"{authority.CA}.key").exists()
        ca = authority.Authority.create(out) if is_new else authority.Authority.open(out)
        wanted = [authority.BROKER, *clients]
        made = [files for files in wanted if renew or not (out / f"{files}.crt").exists()]
        for files in made:
            if files == authority.BROKER:
                ca.issue_broker(hosts, life)
            else:
                ca.issue_client(files, clients[files], life)
        has_plan_key = (out / authority.PLAN_KEY_FILE).exists()
        if not has_plan_key:
            authority.create_plan_key(out)
    except (authority.AuthorityError, ValueError) as error:
        fail(str(error), EXIT_SETTINGS)
    except OSError as error:
        fail(f"{error.filename}: {error.strerror}", EXIT_SETTINGS)
    if not made and has_plan_key:
        fail(f"{out} has all of these already; --renew replaces them", EXIT_SETTINGS)
    for files in made:
        typer.echo(f"{out / files}.crt")
    typer.echo(
        f"{len(made)} certificates for {days} days. Keep {out}/ca.key and {out}/plan-signing.key "
        "from everybody else, and give each client its own key alone.",
        err=True,
    )


def broker_config(
    out: Annotated[Path, typer.Option(help="Folder for mosquitto: configuration, rules, keys.")],
    certs: Annotated[Path, typer.Option(help="Folder that `ringmaster certs` made.")],
    port: Annotated[int, typer.Option(min=1, max=65_535)] = 8883,
    bind: Annotated[str, typer.Option(help="Address to listen on; all, without it.")] = "",
    zone: Zones = ["sejong-5-1"],  # noqa: B006 - typer makes a list of its own each time
    client_id: ClientId = "ringmaster",
    interface: Annotated[str, typer.Option(help="First level of the VDA 5050 topics.")] = "uagv",
    at: Annotated[
        Path | None, typer.Option(help="Where mosquitto finds that folder, if elsewhere.")
    ] = None,
    data: Annotated[
        Path | None, typer.Option(help="Where mosquitto keeps what it must not lose.")
    ] = None,
) -> None:
    """Write mosquitto's configuration and access rules, for the shuttles that have certificates.

    The folder has all that the broker needs and nobody else's key. Run it again, and send
    mosquitto a SIGHUP, after adding or removing shuttles: one that is not listed may do nothing.
    """
    from dispatcher.access import Served, acl_text, checked_name, config_text
    from dispatcher.authority import list_shuttles

    seen_at = at or out.absolute()
    kept_at = data or seen_at / "data"
    try:
        for level in (client_id, interface, *zone):
            checked_name(level)
        for folder in (seen_at, kept_at):
            if any(letter in str(folder) for letter in "\n\r"):
                raise ValueError(f"{str(folder)!r} cannot stand in a configuration file")
        vehicles = list_shuttles(certs)
        acl = acl_text(Served(tuple(zone), vehicles, client_id, interface))
        config = config_text(port=port, bind=bind, files=str(seen_at), data=str(kept_at))
        files = {
            "mosquitto.conf": (config.encode(), 0o644),
            "acl": (acl.encode(), 0o600),
            **{
                name: ((certs / name).read_bytes(), 0o600 if name.endswith(".key") else 0o644)
                for name in ("ca.crt", "broker.crt", "broker.key")
            },
        }
        _write_over_own(out, files)
        if data is None:
            (out / "data").mkdir(exist_ok=True)
    except ValueError as error:
        fail(str(error), EXIT_SETTINGS)
    except OSError as error:
        fail(f"{error.filename}: {error.strerror}", EXIT_SETTINGS)
    typer.echo(f"{out}/mosquitto.conf: {len(vehicles)} shuttles, {len(zone)} zones, port {port}")


def _clients(
    zones: Sequence[str],
    client_id: str,
    vehicles: "Sequence[VehicleName]",
    riders: Sequence[str],
) -> dict[str, str]:
    """The names of all who get a client's certificate, by its file. ``ValueError`` for bad ones."""
    from dispatcher.access import RIDER_GATEWAY, Link, checked_name, link_name, shuttle_name
    from dispatcher.authority import BROKER, CA, shuttle_files
    from dispatcher.riders.topics import RIDER_ID

    services = [RIDER_GATEWAY]
    services += [link_name(client_id, zone, link) for zone in zones for link in Link]
    clients = {checked_name(name): name for name in services}
    for vehicle in vehicles:
        name = shuttle_name(vehicle)
        clients[shuttle_files(vehicle)] = name
    for rider in riders:
        if not RIDER_ID.fullmatch(rider):
            raise ValueError(f"{rider!r} is no rider's id: 1 to 64 letters, digits, _ and -")
        if rider in {CA, BROKER, *services}:
            raise ValueError(f"a rider cannot be called {rider!r}: that is another's name")
        clients[f"riders/{rider}"] = rider
    return clients


def _vehicles(named: list[str], simulated: int) -> "list[VehicleName]":
    from dispatcher.domain.ids import ShuttleId
    from vehicles.topics import VehicleName, vehicle_name

    vehicles = [vehicle_name(ShuttleId(name)) for name in named]
    if simulated:
        from simulator.vehicle import MANUFACTURER, serial_number

        vehicles += [VehicleName(MANUFACTURER, serial_number(n)) for n in range(simulated)]
    return vehicles


def _write_over_own(folder: Path, files: dict[str, tuple[bytes, int]]) -> None:
    """Write the files, unless the folder has a configuration that somebody else made."""
    from dispatcher.access import MADE_BY
    from dispatcher.authority import write_file

    config = folder / "mosquitto.conf"
    if config.exists() and not config.read_text("utf-8", "replace").startswith(MADE_BY):
        raise ValueError(f"{config} was not made by this command; it is not written over")
    folder.mkdir(parents=True, exist_ok=True)
    for name, (content, mode) in files.items():
        write_file(folder / name, content, mode)
