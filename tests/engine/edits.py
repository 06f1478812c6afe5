"""Seeded edits of process documents: what owners change, one or two at a time."""

from collections.abc import Callable
from copy import deepcopy
from random import Random
from typing import Any

Document = dict[str, Any]
Edit = Callable[[Document, Random], None]

GUARDS = (
    "data.amount > 10.0",
    "data.amount > 0.0",
    "reached.responded",
    "reached.offer",
    "activities.call > 0",
    "'manager' in actor.roles",
    "now - instance.entered_at > duration('1h')",
)
TARGETS = ("PT1M", "PT5M", "PT45M", "PT3H", "PT30H", "1 business day", "3 business days")
HOURS: tuple[Any, ...] = (
    {"mon-fri": "10:00-14:00"},
    {"mon-sun": "00:00-24:00"},
    {"mon-fri": ["09:00-13:00", "14:00-18:00"], "sat": "10:00-15:00"},
    {"tue": "09:00-18:00"},
)


def _transition(document: Document, rng: Random) -> tuple[str, Document]:
    key = rng.choice(sorted(document["transitions"]))
    return key, document["transitions"][key]


def _sources(document: Document, part: Document) -> list[str]:
    found = part["from"]
    if found == "*":
        return [key for key, stage in document["stages"].items() if stage["kind"] not in {"won", "lost", "cancelled"}]
    return [found] if isinstance(found, str) else list(found)


def require_a_field(document: Document, rng: Random) -> None:
    _, part = _transition(document, rng)
    part["require"] = [*part.get("require", []), rng.choice(sorted(document["fields"]))]


def tighten_a_guard(document: Document, rng: Random) -> None:
    _, part = _transition(document, rng)
    fit = [item for item in GUARDS if "data.amount" not in item or "amount" in document["fields"]]
    fit = [item for item in fit if not item.startswith("reached.") or item[8:] in document["checkpoints"]]
    part["guard"] = {"when": rng.choice(fit)}


def drop_a_guard(document: Document, rng: Random) -> None:
    for part in document["transitions"].values():
        part.pop("guard", None)


def remove_a_transition(document: Document, rng: Random) -> None:
    key, _ = _transition(document, rng)
    _without_transition(document, key)


def restrict_roles(document: Document, rng: Random) -> None:
    _, part = _transition(document, rng)
    part["roles"] = [rng.choice(("manager", "salesperson", "admin"))]


def open_roles(document: Document, rng: Random) -> None:
    for part in document["transitions"].values():
        part.pop("roles", None)


def ask_for_approval(document: Document, rng: Random) -> None:
    _, part = _transition(document, rng)
    part["approval"] = {"roles": ["manager"]}


def ask_for_no_approval(document: Document, rng: Random) -> None:
    for part in document["transitions"].values():
        part.pop("approval", None)


def ask_for_reasons(document: Document, rng: Random) -> None:
    _, part = _transition(document, rng)
    part["reason"] = "required"


def take_no_reasons(document: Document, rng: Random) -> None:
    for part in document["transitions"].values():
        part["reason"] = "none"


def forget_a_reason(document: Document, rng: Random) -> None:
    if document.get("reasons"):
        del document["reasons"][rng.choice(sorted(document["reasons"]))]


def lead_elsewhere(document: Document, rng: Random) -> None:
    _, part = _transition(document, rng)
    part["to"] = rng.choice(sorted(document["stages"]))


def leave_from_fewer_stages(document: Document, rng: Random) -> None:
    _, part = _transition(document, rng)
    part["from"] = [rng.choice(_sources(document, part))]


def remove_a_stage(document: Document, rng: Random) -> None:
    gone = rng.choice([key for key, stage in document["stages"].items() if stage["kind"] in {"open", "waiting"}])
    for key, part in list(document["transitions"].items()):
        left = [stage for stage in _sources(document, part) if stage != gone]
        if part["to"] == gone or not left:
            _without_transition(document, key)
        elif part["from"] != "*":
            part["from"] = left
    _forget(document, gone)
    del document["stages"][gone]
    if document.get("key_stage") == gone:
        del document["key_stage"]


def insert_a_stage(document: Document, rng: Random) -> None:
    """A new stage on the way of one transition, and a transition of its own that leads on."""
    _, part = _transition(document, rng)
    document["stages"]["between"] = {"kind": "open", "title": {"en": "Between", "ru": "Между"}}
    document["transitions"]["go_on"] = {
        "title": {"en": "Go on", "ru": "Дальше"},
        "from": "between",
        "to": part["to"],
    }
    part["to"] = "between"


def remove_a_field(document: Document, rng: Random) -> None:
    gone = rng.choice(sorted(document["fields"]))
    for part in document["transitions"].values():
        part["require"] = [key for key in part.get("require", []) if key != gone]
        guard = part.get("guard")
        if guard is not None and f"data.{gone}" in (guard if isinstance(guard, str) else guard["when"]):
            del part["guard"]
        part["effects"] = [effect for effect in part.get("effects", []) if gone not in effect.get("set", {})]
    del document["fields"][gone]


def narrow_a_field(document: Document, rng: Random) -> None:
    numbers = [key for key, part in document["fields"].items() if part["type"] in {"decimal", "integer"}]
    texts = [key for key, part in document["fields"].items() if part["type"] == "string"]
    if numbers:
        document["fields"][rng.choice(sorted(numbers))]["max"] = 1
    if texts:
        document["fields"][rng.choice(sorted(texts))]["max_length"] = 2


def change_a_target(document: Document, rng: Random) -> None:
    part = document["clocks"][rng.choice(sorted(document["clocks"]))]
    part["target"] = rng.choice([item for item in TARGETS if item.startswith("PT") or part.get("calendar") != "always"])


def change_a_clocks_calendar(document: Document, rng: Random) -> None:
    part = document["clocks"][rng.choice(sorted(document["clocks"]))]
    if part.get("calendar") == "always":
        part["calendar"] = "business"
    else:
        part |= {"calendar": "always", "target": rng.choice(TARGETS[:5])}


def change_the_hours(document: Document, rng: Random) -> None:
    document["calendar"]["week"] = rng.choice(HOURS)


def change_what_stops_a_clock(document: Document, rng: Random) -> None:
    part = document["clocks"][rng.choice(sorted(document["clocks"]))]
    part["stop"] = rng.choice(({"activity": "note"}, {"ended": True}, {"activity": "response"}))


def change_how_clocks_reopen(document: Document, rng: Random) -> None:
    for part in document["clocks"].values():
        part["reopen"] = "resume"


def let_no_clock_pause(document: Document, rng: Random) -> None:
    for part in document["clocks"].values():
        part["pause"] = []


def remove_a_clock(document: Document, rng: Random) -> None:
    del document["clocks"][rng.choice(sorted(document["clocks"]))]


def add_a_clock(document: Document, rng: Random) -> None:
    stage = rng.choice(sorted(document["stages"]))
    document["clocks"]["added"] = {
        "title": {"en": "Added", "ru": "Новые"},
        "start": {"entering": stage},
        "stop": {"leaving": stage},
        "target": rng.choice(TARGETS),
    }


def reach_a_checkpoint_otherwise(document: Document, rng: Random) -> None:
    part = document["checkpoints"][rng.choice(sorted(document["checkpoints"]))]
    part["reached"] = rng.choice(({"activity": "call"}, {"ended": True}, {"entering": "lost"}))


EDITS: tuple[Edit, ...] = (
    require_a_field,
    tighten_a_guard,
    drop_a_guard,
    remove_a_transition,
    restrict_roles,
    open_roles,
    ask_for_approval,
    ask_for_no_approval,
    ask_for_reasons,
    take_no_reasons,
    forget_a_reason,
    lead_elsewhere,
    leave_from_fewer_stages,
    remove_a_stage,
    insert_a_stage,
    remove_a_field,
    narrow_a_field,
    change_a_target,
    change_a_clocks_calendar,
    change_the_hours,
    change_what_stops_a_clock,
    change_how_clocks_reopen,
    let_no_clock_pause,
    remove_a_clock,
    add_a_clock,
    reach_a_checkpoint_otherwise,
)


def edited(document: Document, seed: int) -> tuple[Document, tuple[str, ...]]:
    """A copy of a document with the edit of this seed, every third with another one besides; and what was done."""
    rng = Random(seed)
    found = deepcopy(document)
    edits = [EDITS[seed % len(EDITS)], *([rng.choice(EDITS)] if seed % 3 == 0 else [])]
    for edit in edits:
        edit(found, rng)
    return found, tuple(edit.__name__ for edit in edits)


def _without_transition(document: Document, key: str) -> None:
    del document["transitions"][key]
    _forget(document, key)
    for part in document.get("reasons", {}).values():
        part["for"] = [name for name in _names(part["for"]) if name != key]


def _names(names: Any) -> list[str]:
    return [names] if isinstance(names, str) else list(names or [])


def _forget(document: Document, gone: str) -> None:
    """Take a stage or transition out of every condition; a condition that has nothing left is one that is never met."""
    for group in ("clocks", "checkpoints", "pauses"):
        for part in document.get(group, {}).values():
            for name in ("start", "stop", "cancel", "from", "until", "reached"):
                if name in part and part[name] is not None:
                    part[name] = _less(part[name], gone)
            if "during" in part:
                part["during"] = [stage for stage in _names(part["during"]) if stage != gone]
            if isinstance(part.get("target"), dict):
                part["target"].pop(gone, None)
    for part in document.get("reasons", {}).values():
        part["stages"] = [stage for stage in _names(part.get("stages")) if stage != gone]


def _less(condition: Any, gone: str) -> Any:
    if isinstance(condition, list):
        return [_less(part, gone) for part in condition]
    return {
        name: [key for key in _names(value) if key != gone]
        if name in {"entering", "leaving", "transition"} and value != "*"
        else value
        for name, value in condition.items()
    }
