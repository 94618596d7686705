"""Clients and hosts, made once from the tables: the same ones in every run, so that a filter keeps matching."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from random import Random

from events.simulator import world
from events.simulator.drawing import Draw, pick, pool
from events.simulator.profiles import PROFILES, Profile
from events.simulator.world import Route

WORLD_SEED = 4


@dataclass(frozen=True, slots=True)
class Client:
    profile: Profile
    ip: str
    is_ipv6: bool
    headers: Mapping[str, list[str]]
    tls: Mapping[str, str]
    person: str
    subject_id: str
    serial_number: str


@dataclass(frozen=True, slots=True)
class Host:
    name: str
    site: str
    port: int
    guards: frozenset[str]


@dataclass(frozen=True, slots=True)
class Population:
    """`clients` stand in the order of their activity; `hosts` are pools by the kind of client that visits them."""

    clients: tuple[Client, ...]
    hosts: Mapping[str, tuple[Host, ...]]


@cache
def population() -> Population:
    draw = Random(WORLD_SEED).random  # noqa: S311  nothing secret  # nosec B311
    profiles = pool((profile, profile.weight) for profile in PROFILES)
    clients = tuple(_client(draw, pick(draw, profiles)) for _ in range(world.CLIENTS))
    weighted = _weighted_hosts(draw)
    hosts = {
        kind: pool((host, weight) for host, weight in weighted if _is_visited(host, kind, sites))
        for kind, sites in world.VISITS.items()
    }
    return Population(clients, hosts)


@cache
def routes() -> Mapping[str, tuple[Route, ...]]:
    return {site: pool((route, route.weight) for route in listed) for site, listed in world.SITES.items()}


@cache
def statuses() -> Mapping[str, tuple[int, ...]]:
    return {kind: pool(weighted) for kind, weighted in world.STATUSES.items()}


def _is_visited(host: Host, kind: str, sites: tuple[str, ...]) -> bool:
    # Only terminals hold a client certificate, and they talk to nothing else.
    return host.site in sites and ("client_cert" in host.guards) == (kind == "terminal")


def _weighted_hosts(draw: Draw) -> list[tuple[Host, int]]:
    hosts = [(Host(name, site, port, frozenset(guards)), weight) for name, site, port, weight, guards in world.HOSTS]
    for rank in range(1, world.LONG_TAIL_HOSTS + 1):
        words = f"{pick(draw, world.WORDS)}-{pick(draw, world.WORDS)}-{rank}"
        site = pick(draw, ("shop", "api", "docs"))
        port = pick(draw, (443, 443, 443, 443, 8443))
        host = Host(f"{words}.{pick(draw, world.LONG_TAIL_DOMAINS)}", site, port, frozenset())
        hosts.append((host, max(1, world.LONG_TAIL_WEIGHT // (rank + world.LONG_TAIL_FLATNESS))))
    return hosts


def _client(draw: Draw, profile: Profile) -> Client:
    is_ipv6 = draw() < world.SHARE_IPV6
    accepted = {"Accept": [profile.accept], "Accept-Encoding": [profile.encodings]}
    agent = {"User-Agent": [profile.user_agent.lower()]} if profile.user_agent else {}
    return Client(
        profile=profile,
        ip=_ipv6(draw) if is_ipv6 else _ipv4(draw),
        is_ipv6=is_ipv6,
        headers={**accepted, **agent},
        tls={"cipher_suite": profile.cipher, "version": profile.tls_version},
        person=pick(draw, world.PEOPLE),
        subject_id=str(int((1 + draw()) * 10**20)),
        serial_number=":".join(f"{int(draw() * 256):02x}" for _ in range(8)),
    )


def _ipv4(draw: Draw) -> str:
    octet = world.FIRST_CLIENT_OCTET + int(draw() * (255 - world.FIRST_CLIENT_OCTET))
    if draw() < world.SHARE_BENCHMARK_IPV4:
        return f"{pick(draw, world.BENCHMARK_IPV4)}.{int(draw() * 256)}.{octet}"
    return f"{pick(draw, world.DOCUMENTATION_IPV4)}.{octet}"


def _ipv6(draw: Draw) -> str:
    network = int(draw() * 0xFFFF) + 1
    return f"2001:db8:{network:x}:{int(draw() * 0xFFFF) + 1:x}::{int(draw() * 0xFFFF) + 1:x}"
