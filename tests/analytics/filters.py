"""Filters of figures at random, and what they mean, plainly: each comparator over the case as it was known then."""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from bpm_crm.analytics.frames import Version
from bpm_crm.api.figure_filters import FactWhere
from bpm_crm.api.filters import DateTimeFilter, IDFilter, IntFilter, StringFilter
from bpm_crm.api.ids import to_global
from bpm_crm.api.instance_filters import InstanceStatus, InstanceStatusFilter
from bpm_crm.records.reference import Reference
from tests.analytics import reference
from tests.analytics.cases import Ask, Case
from tests.analytics.walks import CHANNELS, PEOPLE, REASONS

TEXTS: Final[Mapping[str, Sequence[str]]] = {
    "process": (*CHANNELS, "web-form", "nowhere"),
    "channel": (*CHANNELS, "web-form", "nowhere"),
    "campaign": ("spring", "autumn"),
    "region": ("Moscow", "Tula", "tul", "O"),
    "product": ("door", "roof", "oo"),
    "team": ("north", "south"),
    "stage": ("new", "interest", "offer", "won", "lost", "cancelled"),
    "loss_reason": (*REASONS, "late"),
}


@dataclass(frozen=True)
class Known:
    """What filters name: the company's keys, the published versions, some cases and some instants."""

    reference: Reference
    versions: Sequence[Version]
    cases: Sequence[Case]
    instants: Sequence[datetime]


def random_where(rng: random.Random, known: Known, depth: int = 2) -> FactWhere:
    """A filter by one or two of the things that filters know, with `and`, `or` and `not` inside it."""
    names = rng.sample([*TEXTS, "id", "version", "owner", "status", "started_at"], rng.choice((0, 1, 1, 2)))
    where = FactWhere(**{name: _filter(rng, known, name) for name in names})
    if depth:
        match rng.choice(("and", "or", "not", "nothing", "nothing")):
            case "and":
                where.and_ = [random_where(rng, known, depth - 1) for _ in range(rng.choice((0, 1, 2)))]
            case "or":
                where.or_ = [random_where(rng, known, depth - 1) for _ in range(rng.choice((1, 2, 2, 3)))]
            case "not":
                where.not_ = random_where(rng, known, depth - 1)
    return where


def _filter(rng: random.Random, known: Known, name: str) -> Any:
    match name:
        case "id":
            return _ids(rng, [to_global("ProcessInstance", case.id) for case in known.cases])
        case "owner":
            users = known.reference.users.values()
            return _ids(rng, [to_global("User", user.id) for user in users if user.email.partition("@")[0] in PEOPLE])
        case "version":
            comparator = rng.choice(("eq", "gt", "gte", "lt", "lte"))
            return rng.choice((IntFilter(in_=[1, 3]), IntFilter(**{comparator: rng.choice((1, 2))})))
        case "status":
            chosen = rng.sample(list(InstanceStatus), 2)
            return rng.choice(
                (
                    InstanceStatusFilter(eq=chosen[0]),
                    InstanceStatusFilter(ne=chosen[0]),
                    InstanceStatusFilter(in_=chosen),
                )
            )
        case "started_at":
            first, last = sorted(rng.sample(list(known.instants), 2))
            return rng.choice((DateTimeFilter(gte=first, lt=last), DateTimeFilter(gt=first), DateTimeFilter(lte=last)))
        case _:
            return _text(rng, TEXTS[name])


def _text(rng: random.Random, values: Sequence[str]) -> StringFilter:
    comparator = rng.choice(("eq", "ne", "in_", "not_in", "contains", "starts_with", "is_null"))
    if comparator == "is_null":
        return StringFilter(is_null=rng.random() < 0.5)
    chosen = rng.sample(values, min(len(values), 2))
    return StringFilter(**{comparator: chosen if comparator in {"in_", "not_in"} else chosen[0]})


def _ids(rng: random.Random, values: Sequence[str]) -> IDFilter:
    some = rng.sample(values, min(len(values), rng.choice((1, 2, 20))))
    return rng.choice(
        (IDFilter(eq=some[0]), IDFilter(ne=some[0]), IDFilter(in_=some), IDFilter(not_in=some), IDFilter(is_null=True))
    )


# What they mean

MEANINGS: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "eq": lambda value, other: value is not None and value == other,
    "ne": lambda value, other: value != other,
    "in_": lambda value, others: value in others,
    "not_in": lambda value, others: value not in others,
    "gt": lambda value, other: value > other,
    "gte": lambda value, other: value >= other,
    "lt": lambda value, other: value < other,
    "lte": lambda value, other: value <= other,
    "contains": lambda value, other: value is not None and other.lower() in value.lower(),
    "starts_with": lambda value, other: value is not None and value.lower().startswith(other.lower()),
    "is_null": lambda value, is_null: (value is None) is is_null,
}


def plainly(where: FactWhere, known: Known) -> Callable[[Case, Ask], bool]:
    """Whether a filter holds for a case, as it was known when it is asked."""

    def holds(part: FactWhere, values: Mapping[str, Any]) -> bool:
        own = (
            MEANINGS[name](values[key], operand)
            for key, value in values_of(part).items()
            for name, operand in values_of(value).items()
        )
        return (
            all(own)
            and all(holds(item, values) for item in part.and_ or ())
            and (part.or_ is None or any(holds(item, values) for item in part.or_))
            and (part.not_ is None or not holds(part.not_, values))
        )

    def chosen(case: Case, ask: Ask) -> bool:
        return reference.last_move(case, ask) is not None and holds(where, _values(case, ask, known))

    return chosen


def values_of(part: Any) -> dict[str, Any]:
    """What was given of an input, but for the parts inside it."""
    return {key: value for key, value in vars(part).items() if value is not None and key not in {"and_", "or_", "not_"}}


def _values(case: Case, ask: Ask, known: Known) -> dict[str, Any]:
    last, then, move = reference.known(case, ask)[-1], reference.seen(case, ask)[-1], reference.last_move(case, ask)
    assert move is not None
    names = known.reference

    def key(records: Mapping[UUID, Any], found: UUID | None) -> str | None:
        return None if found is None else records[found].key

    outcome = move["outcome"]
    return {
        "id": to_global("ProcessInstance", case.id),
        "process": names.definitions[case.row["definition_id"]].key,
        "version": then["version"],
        "channel": key(names.channels, last["channel_id"]),
        "campaign": key(names.campaigns, last["campaign_id"]),
        "region": last["region"],
        "product": _product(case, ask, known.versions, then["version"]),
        "owner": None if then["owner_id"] is None else to_global("User", then["owner_id"]),
        "team": key(names.teams, then["team_id"]),
        "stage": move["to_stage"],
        "status": InstanceStatus(outcome or "running"),
        "loss_reason": move["reason"] if outcome is not None else None,
        "started_at": case.row["started_at"],
    }


def _product(case: Case, ask: Ask, versions: Sequence[Version], number: int) -> str | None:
    wanted = (case.row["definition_id"], number)
    version = next(item for item in versions if (item.definition_id, item.number) == wanted)
    field = version.bound_to("product")
    named = [row["data"][field] for row in reference.seen(case, ask) if field in (row["data"] or {})]
    found: str | None = named[-1] if named else None
    return found
