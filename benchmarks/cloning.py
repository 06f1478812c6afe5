"""Many cases from few: a year told by the engine is copied week by week into the past, with people, ids, instants and hashes of its own.

Whole weeks keep hours and weekdays. The rows are what the engine writes: replaying any of them gives the case (`bpm-crm rebuild`), and
the chains of hashes are whole.
"""

import random
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg

from benchmarks.ground import DATABASE, Ground
from bpm_crm.operations.demo.loading import load_year
from bpm_crm.operations.processes import ProcessCache
from bpm_crm.operations.writer import Writer
from bpm_crm.records.database import Database, set_codecs
from bpm_crm.records.entries import FIRST_HASH, chain_hash
from bpm_crm.records.history import CHAINED
from bpm_crm.records.identifiers import new_id

TEMPLATES = 2_000
MANAGERS = 40
WEEKS = 104
AT_ONCE = 4_000
_WEEK = timedelta(days=7)
_INSTANTS = 10**15
"""Integers in JSON from here on are instants, in microseconds: no length of time comes near."""

_MANAGERS = """
INSERT INTO app_user (tenant_id, id, email, name, is_active, created_at)
SELECT $1, m.id, 'manager' || m.number || '@example.org', 'Manager ' || m.number, true, now()
FROM unnest($2::uuid[]) WITH ORDINALITY AS m (id, number)
"""


@dataclass(frozen=True, slots=True)
class Template:
    """A case the engine has written: its row, its history, its deal."""

    case: Mapping[str, Any]
    history: Sequence[Mapping[str, Any]]
    deal: Mapping[str, Any] | None


async def load(
    ground: Ground,
    cases: int,
    definition_id: UUID | None = None,
    over: int = WEEKS,
    told: Callable[[int], None] = lambda _done: None,
) -> int:
    """Fill the company with that many cases over some weeks (by default two years), evenly; how many history rows they have.

    Copied are cases of every process, or of one. Public holidays are not where they were: near them, verdicts of clocks are the original's.
    """
    await _tell(ground)
    admin = await asyncpg.connect(ground.server.dsn(ground.server.superuser, DATABASE))
    await set_codecs(admin)
    managers = [new_id() for _ in range(MANAGERS)]
    await admin.execute(_MANAGERS, ground.tenant_id, managers)
    written = await _templates(admin, ground.tenant_id)
    templates = [item for item in written if definition_id in {None, item.case["definition_id"]}]
    rng, customers = random.Random(1), _Customers(await _customers(admin, ground.tenant_id))
    rows = 0
    batch: dict[str, list[tuple[Any, ...]]] = defaultdict(list)
    for number in range(cases - len(templates)):
        weeks = 1 + over * (cases - number) // cases
        template = rng.choice(templates)
        shift = _Shift(template, weeks * _WEEK, rng.choice(managers), customers.of(template, weeks))
        rows += _clone(template, shift, number, batch)
        batch["customer"].extend(tuple(shift.row(row).values()) for row in customers.take())
        if number % AT_ONCE == AT_ONCE - 1:
            await _copy(admin, batch)
            told(number)
    await _copy(admin, batch)
    await admin.execute("VACUUM ANALYZE")
    await admin.close()
    return rows


async def _tell(ground: Ground) -> None:
    worker = await Database.connect(ground.access.worker, size=4)
    writer = Writer(worker, ProcessCache())
    writer.start()
    await load_year(
        worker, writer, ground.tenant_id, datetime.now(UTC), leads=TEMPLATES, progress=lambda _done, _all: None
    )
    await writer.stop()
    await worker.close()


async def _templates(admin: asyncpg.Connection, tenant_id: UUID) -> list[Template]:
    cases = await admin.fetch("SELECT * FROM process_instance WHERE tenant_id = $1 AND deal_id IS NOT NULL", tenant_id)
    deals = {row["id"]: row for row in await admin.fetch("SELECT * FROM deal WHERE tenant_id = $1", tenant_id)}
    histories: dict[UUID, list[Mapping[str, Any]]] = defaultdict(list)
    for row in await admin.fetch(
        "SELECT * FROM history WHERE tenant_id = $1 ORDER BY instance_id, sequence", tenant_id
    ):
        histories[row["instance_id"]].append(dict(row))
    of_their_own = (case for case in cases if deals[case["deal_id"]]["instance_id"] == case["id"])
    return [Template(dict(case), histories[case["id"]], dict(deals[case["deal_id"]])) for case in of_their_own]


async def _customers(admin: asyncpg.Connection, tenant_id: UUID) -> dict[UUID, Mapping[str, Any]]:
    rows = await admin.fetch("SELECT * FROM customer WHERE tenant_id = $1", tenant_id)
    return {row["id"]: dict(row) for row in rows}


class _Customers:
    """Gives copies customers of their own: those of one customer's cases, copied equally often by as many weeks, are of one again."""

    def __init__(self, known: Mapping[UUID, Mapping[str, Any]]) -> None:
        self._known = known
        self._copies: Counter[tuple[UUID, int]] = Counter()
        self._ids: dict[tuple[UUID, int, int], UUID] = {}
        self._new: list[Mapping[str, Any]] = []

    def of(self, template: Template, weeks: int) -> UUID | None:
        """Whose the next copy of a template is."""
        customer_id = template.case["customer_id"]
        if customer_id is None:
            return None
        copy = template.case["id"], weeks
        self._copies[copy] += 1
        key = customer_id, weeks, self._copies[copy]
        if key not in self._ids:
            self._ids[key] = new_id()
            self._new.append(self._known[customer_id])
        return self._ids[key]

    def take(self) -> Sequence[Mapping[str, Any]]:
        """The customers that were copied since this was asked last, as they were."""
        new, self._new = self._new, []
        return new


def _clone(template: Template, shift: "_Shift", number: int, batch: dict[str, list[tuple[Any, ...]]]) -> int:
    """One more case; how many rows of history it has."""
    case_id, deal_id = new_id(), new_id()
    head = FIRST_HASH
    for row in template.history:
        values = shift.row(row) | {"instance_id": case_id, "text_digest": None}
        head = chain_hash(head, values)
        batch["history"].append((*(values[name] for name in CHAINED), head))
    values = shift.row(template.case)
    values |= {"id": case_id, "deal_id": deal_id, "external_id": f"clone-{number}", "fingerprint": None, "head": head}
    batch["process_instance"].append(tuple(values.values()))
    if template.deal is not None:
        values = shift.row(template.deal) | {"id": deal_id, "instance_id": case_id, "key": f"C-{number}"}
        batch["deal"].append(tuple(values.values()))
    return len(template.history)


class _Shift:
    """Moves the values of a case into the past, and to another owner and customer."""

    def __init__(self, template: Template, by: timedelta, manager: UUID, customer: UUID | None) -> None:
        self._by = by
        self._microseconds = by // timedelta(microseconds=1)
        self._people: dict[UUID | None, UUID | None] = {row["owner_id"]: manager for row in template.history}
        self._people[template.case["customer_id"]] = customer

    def row(self, row: Mapping[str, Any]) -> dict[str, Any]:
        return {name: self._value(value) for name, value in row.items()}

    def _value(self, value: Any) -> Any:
        if isinstance(value, datetime):
            return value - self._by
        if isinstance(value, UUID):
            return self._people.get(value, value)
        return self._plain(value) if isinstance(value, dict | list) else value

    def _plain(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {name: self._plain(item) for name, item in value.items()}
        if isinstance(value, list):
            return [self._plain(item) for item in value]
        is_instant = isinstance(value, int) and value > _INSTANTS
        return value - self._microseconds if is_instant else value


async def _copy(admin: asyncpg.Connection, batch: dict[str, list[tuple[Any, ...]]]) -> None:
    columns = {"history": [*CHAINED, "hash"]}
    for table in ("customer", "process_instance", "deal", "history"):
        if batch[table]:
            await admin.execute("SET session_replication_role = replica")
            await admin.copy_records_to_table(table, records=batch[table], columns=columns.get(table))
    batch.clear()
