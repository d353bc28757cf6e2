"""What must hold after every fault, looked at from outside."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import httpx

from shared.contract.topics import NOTIFICATION_FAILED, USER_FAILED
from tests.faults.people import Account
from tests.faults.postbox import Kind
from tests.faults.world import World
from tests.person import AUTH

ON_FAILURE = (USER_FAILED, NOTIFICATION_FAILED)


@dataclass
class Found:
    """What the checks have found.

    Attributes:
        registered: acknowledged registrations.
        rows, mails: of those, with exactly one row, and with exactly one welcome mail.
        copies: second copies of a mail, with the same Message-ID.
        problems: sentences; empty when all holds.
    """

    registered: int
    rows: int
    mails: int
    copies: int
    problems: list[str]


def check(world: World, accounts: list[Account], *, copies_allowed: bool) -> Found:
    """Compare what people were told with what is stored, mailed and shown."""
    rows, sessions = _stored(world)
    known = [each for each in accounts if each.registered]
    copies = sum(_copies(world, each) for each in accounts)
    problems = [
        *(f"{copies} mails came twice" for _ in range(1) if copies and not copies_allowed),
        *(problem for each in accounts for problem in _of_mails(world, each)),
        *(problem for each in accounts for problem in _of_rows(each, rows, sessions)),
        *_of_api(world, known),
    ]
    return Found(
        registered=len(known),
        rows=sum(rows[each.email] == 1 for each in known),
        mails=sum(_different(world, each, "welcome") == 1 for each in known),
        copies=copies,
        problems=problems,
    )


def on_failure(world: World) -> Counter[str]:
    """How many records stand in each on-failure destination."""
    return Counter({topic: len(world.records.read(topic)) for topic in ON_FAILURE})


def _stored(world: World) -> tuple[Counter[str], Counter[str]]:
    """By e-mail: how many rows, and how many sessions were ever opened."""
    with world.database() as connection:
        users = connection.execute("SELECT lower(email) FROM users").fetchall()
        sessions = connection.execute(
            "SELECT lower(email) FROM sessions JOIN users ON users.id = user_id"
        ).fetchall()
    return Counter(row[0] for row in users), Counter(row[0] for row in sessions)


def _different(world: World, account: Account, kind: Kind) -> int:
    return len({mail.id for mail in world.postbox.to(account.email, kind)})


def _copies(world: World, account: Account) -> int:
    kinds: tuple[Kind, ...] = ("welcome", "reset", "notice")
    return sum(
        len(world.postbox.to(account.email, kind)) - _different(world, account, kind)
        for kind in kinds
    )


def _of_mails(world: World, account: Account) -> Iterator[str]:
    welcomes, resets = (_different(world, account, kind) for kind in ("welcome", "reset"))
    if not account.registered <= welcomes <= 1:
        yield f"{account.email}: {welcomes} welcome mails"
    acknowledged = sum(each.acknowledged for each in account.forgotten)
    if not acknowledged <= resets <= len(account.forgotten):
        yield f"{account.email}: {resets} reset mails, {acknowledged} acknowledged"


def _of_rows(account: Account, rows: Counter[str], sessions: Counter[str]) -> Iterator[str]:
    if not account.registered <= rows[account.email] <= 1:
        yield f"{account.email}: {rows[account.email]} rows"
    acknowledged = sum(each.acknowledged for each in account.sign_ins)
    if not acknowledged <= sessions[account.email] <= len(account.sign_ins):
        yield f"{account.email}: {sessions[account.email]} sessions, {acknowledged} acknowledged"


def _of_api(world: World, accounts: list[Account]) -> Iterator[str]:
    """What a person finds who comes back: their password works, their name is the last one."""
    with world.system.client() as client:
        for account in accounts:
            token = _sign_in(client, account)
            if token is None:
                yield f"{account.email}: no password works"
                continue
            headers = {"authorization": f"Bearer {token}"}
            name = client.get(f"{AUTH}/profile", headers=headers).json().get("name")
            if name not in account.possible(account.names):
                yield f"{account.email}: shows {name}"


def _sign_in(client: httpx.Client, account: Account) -> str | None:
    for password in sorted(account.possible(account.passwords)):
        body = {"email": account.email, "password": password}
        answer = client.post(f"{AUTH}/login", json=body)
        if answer.is_success:
            token: str = answer.json()["accessToken"]
            return token
    return None
