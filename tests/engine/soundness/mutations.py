"""Small changes of process documents, as a hurried owner might make them: some ruin the process, some do not."""

import copy
from collections.abc import Callable
from random import Random
from typing import Any

Document = dict[str, Any]
Mutation = Callable[[Random, Document], bool]
"""Changes a document in place; true if it is harmful by its nature, so that no play is needed to say so."""

ENDS = {"won", "lost", "cancelled"}
TITLE = {"en": "New", "ru": "Новое"}
GUARDS = (
    "data.{number} > 5.0 && data.{number} < 3.0",
    "data.{number} < 0.0 - 1.0",
    "data.{number} >= 0.0",
    "data.{number} == null",
    "data.{number} != null",
    "data.{number} > 10.0 || data.{number} <= 10.0",
    "data.{number} > 50.0 && data.{number} > 20.0",
    "data.{text} == 'x' && data.{text} == 'y'",
    "data.{text}.size() > 3 && data.{text}.startsWith('abcd')",
    "data.{text} in ['x', 'y']",
    "data.{text}.size() < 0",
    "'manager' in actor.roles",
    "'king' in actor.roles",
    "actor.roles.exists(r, r == 'admin') && !('admin' in actor.roles)",
    "now < instance.started_at",
    "now >= instance.entered_at",
    "instance.stage == '{source}'",
    "instance.stage == '{target}'",
)


def _moves(document: Document, *, guarded: bool | None = None) -> list[str]:
    moves = document["transitions"]
    return [key for key, item in moves.items() if guarded is None or ("guard" in item) is guarded]


def _sources(document: Document, move: str) -> list[str]:
    found = document["transitions"][move]["from"]
    if found == "*":
        return [key for key, stage in document["stages"].items() if stage["kind"] not in ENDS]
    return [found] if isinstance(found, str) else list(found)


def _forget(document: Document, move: str) -> None:
    """Take a transition out, with everything that names it."""
    del document["transitions"][move]
    for key, reason in list(document.get("reasons", {}).items()):
        names = [reason["for"]] if isinstance(reason["for"], str) else reason["for"]
        reason["for"] = [name for name in names if name != move]
        if not reason["for"]:
            del document["reasons"][key]
    for section, places in (("checkpoints", ["reached"]), ("clocks", ["start", "stop", "cancel"])):
        for part in document.get(section, {}).values():
            for place in places:
                if place in part:
                    part[place] = [_without(item, move) for item in _listed(part[place])]


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _without(condition: Document, move: str) -> Document:
    if "transition" not in condition:
        return condition
    kept = [name for name in _listed(condition["transition"]) if name != move]
    return {**condition, "transition": kept}


def drop_transition(random: Random, document: Document) -> bool:
    _forget(document, random.choice(_moves(document)))
    return False


def redirect(random: Random, document: Document) -> bool:
    item = document["transitions"][random.choice(_moves(document))]
    item["to"] = random.choice(list(document["stages"]))
    return False


def narrow_sources(random: Random, document: Document) -> bool:
    many = [move for move in _moves(document) if len(_sources(document, move)) > 1]
    move = random.choice(many)
    sources = _sources(document, move)
    sources.remove(random.choice(sources))
    document["transitions"][move]["from"] = sources
    return False


def guard_by_data(random: Random, document: Document) -> bool:
    move = random.choice(_moves(document))
    fields = document["fields"]
    number = random.choice([key for key, item in fields.items() if item["type"] == "decimal"])
    texts = [key for key, item in fields.items() if item["type"] == "string"]
    if not texts:
        fields["remark"] = {"type": "string", "title": TITLE}
        texts = ["remark"]
    item = document["transitions"][move]
    words = {
        "number": number,
        "text": random.choice(texts),
        "source": _sources(document, move)[0],
        "target": item["to"],
    }
    item["guard"] = random.choice(GUARDS).format_map(words)
    return False


def guard_by_checkpoint(random: Random, document: Document) -> bool:
    sign = random.choice(["", "!"])
    guard = f"{sign}reached.{random.choice(list(document['checkpoints']))}"
    document["transitions"][random.choice(_moves(document))]["guard"] = guard
    return False


def guard_by_visits(random: Random, document: Document) -> bool:
    stage, number = random.choice(list(document["stages"])), random.randint(0, 2)
    guard = f"visits.{stage} {random.choice(['>', '<', '==', '>='])} {number}"
    document["transitions"][random.choice(_moves(document))]["guard"] = guard
    return False


def guard_by_acts(random: Random, document: Document) -> bool:
    guard = f"activities.{random.choice(['call', 'meeting'])} {random.choice(['>', '==', '<'])} {random.randint(0, 2)}"
    document["transitions"][random.choice(_moves(document))]["guard"] = guard
    return False


def widen_guard(random: Random, document: Document) -> bool:
    moves = _moves(document, guarded=True)
    item = document["transitions"][random.choice(moves)]
    item["guard"] = f"({_when(item)}) || true" if random.random() < 0.5 else f"({_when(item)}) && false"
    return False


def _when(item: Document) -> str:
    guard = item["guard"]
    return str(guard if isinstance(guard, str) else guard["when"])


def drop_reason(random: Random, document: Document) -> bool:
    losing = [
        key for key in _moves(document) if document["stages"][document["transitions"][key]["to"]]["kind"] == "lost"
    ]
    document["transitions"][random.choice(losing)]["reason"] = random.choice(["none", "optional"])
    return False


def narrow_reasons(random: Random, document: Document) -> bool:
    reason = document["reasons"][random.choice(list(document["reasons"]))]
    reason["stages"] = [random.choice(_sources(document, _listed(reason["for"])[0]))]
    return False


def drop_clock(random: Random, document: Document) -> bool:
    document["clocks"].pop(random.choice(["stuck", *document["clocks"]]))
    return False


def narrow_clock(random: Random, document: Document) -> bool:
    clock = document["clocks"]["stuck"]
    stages = [key for key, stage in document["stages"].items() if stage["kind"] not in ENDS]
    clock["start"] = {"entering": random.sample(stages, random.randint(1, len(stages)))}
    return False


def drop_default_target(random: Random, document: Document) -> bool:
    target = document["clocks"]["stuck"]["target"]
    target.pop(random.choice(list(target)))
    if not target:
        target["won"] = "PT1H"
    return False


def waive(random: Random, document: Document) -> bool:
    del document["clocks"]["stuck"]
    for stage in document["stages"].values():
        if random.random() < 0.8:
            stage["waiver"] = TITLE
    return False


def swap_steps(random: Random, document: Document) -> bool:
    steps = [item for item in document["checkpoints"].values() if "order" in item]
    one, other = random.sample(steps, 2)
    one["order"], other["order"] = other["order"], one["order"]
    return False


def move_checkpoint(random: Random, document: Document) -> bool:
    item = document["checkpoints"][random.choice(list(document["checkpoints"]))]
    item["reached"] = random.choice(
        [
            {"transition": random.choice(_moves(document))},
            {"entering": random.choice(list(document["stages"]))},
            {"checkpoint": random.choice(list(document["checkpoints"]))},
            {"activity": "response"},
        ]
    )
    return False


def empty_field(random: Random, document: Document) -> bool:
    """A required field that accepts nothing."""
    item = document["transitions"][random.choice(_moves(document))]
    document["fields"]["sealed"] = random.choice(
        [
            {"type": "integer", "title": TITLE, "min": "1.2", "max": "1.8"},
            {"type": "date", "title": TITLE, "max_length": 6},
            {"type": "choice", "title": TITLE, "options": {"large": TITLE}, "max_length": 3},
            {"type": "decimal", "title": TITLE, "min": "0.0000001", "max": "0.0000002"},
        ]
    )
    item["require"] = [*item.get("require", []), "sealed"]
    return True


def narrow_field(random: Random, document: Document) -> bool:
    """A required field that accepts little, which is enough."""
    item = document["transitions"][random.choice(_moves(document))]
    document["fields"]["narrow"] = random.choice(
        [
            {"type": "integer", "title": TITLE, "min": "7", "max": "7"},
            {"type": "string", "title": TITLE, "max_length": 1},
            {"type": "decimal", "title": TITLE, "min": "0.25", "max": "0.25"},
        ]
    )
    item["require"] = [*item.get("require", []), "narrow"]
    return False


def compute(random: Random, document: Document) -> bool:
    """An effect that computes a value, which may not fit its field."""
    document["fields"]["score"] = {"type": "integer", "title": TITLE, "min": "0", "max": "10"}
    expression = random.choice(["5", "11", "visits.{0} + 1", "0 - 1", "10 / (visits.{0} - visits.{0})"])
    initial = next(key for key, stage in document["stages"].items() if stage["kind"] == "initial")
    item = document["transitions"][random.choice(_moves(document))]
    item["effects"] = [*item.get("effects", []), {"set": {"score": expression.format(initial)}}]
    return False


def claim(random: Random, document: Document) -> bool:
    """Alternatives of one trigger, with a claim that may be wrong."""
    move = random.choice([key for key in _moves(document) if "trigger" not in document["transitions"][key]])
    item = document["transitions"][move]
    field = random.choice([key for key, part in document["fields"].items() if part["type"] == "decimal"])
    low = random.choice(["<", "<="])
    first, second = random.choice(
        [
            (f"data.{field} {low} 10.0", f"data.{field} > 10.0"),
            (f"data.{field} {low} 10.0", f"data.{field} >= 10.0"),
            (f"data.{field} == null || data.{field} {low} 10.0", f"data.{field} > 10.0"),
            (f"data.{field} < 10.0", f"data.{field} > 12.0 || data.{field} == null"),
        ]
    )
    item["guard"] = first
    other = {**copy.deepcopy(item), "guard": second, "trigger": move}
    document["transitions"][f"{move}_otherwise"] = other
    for reason in document.get("reasons", {}).values():
        if move in _listed(reason["for"]):
            reason["for"] = [*_listed(reason["for"]), f"{move}_otherwise"]
    document["alternatives"] = {move: random.choice(["exclusive", "exhaustive", ["exclusive", "exhaustive"]])}
    return False


def shadow(random: Random, document: Document) -> bool:
    one, other = random.sample(_moves(document), 2)
    document["transitions"][other]["trigger"] = document["transitions"][one].get("trigger", one)
    return False


def add_stage(random: Random, document: Document) -> bool:
    """A stage between two others, with or without a way out."""
    stages = [key for key, stage in document["stages"].items() if stage["kind"] not in ENDS]
    document["stages"]["discovery"] = {"kind": random.choice(["open", "waiting"]), "title": TITLE}
    document["transitions"]["discover"] = {"title": TITLE, "from": random.choice(stages), "to": "discovery"}
    if random.random() < 0.6:
        document["transitions"]["found_out"] = {"title": TITLE, "from": "discovery", "to": random.choice(stages)}
    return False


def unheard_escalation(random: Random, document: Document) -> bool:
    clock = document["clocks"][random.choice(list(document["clocks"]))]
    clock["escalate"] = [*clock.get("escalate", []), {"to": random.choice(["king", "night_shift"])}]
    return True


def endless_escalation(random: Random, document: Document) -> bool:
    """A chain whose last step lies beyond all working time there is."""
    document["calendar"]["week"] = {"mon": "09:00-09:01"}
    document["calendar"].pop("holidays", None)
    document["calendar"].pop("exceptions", None)
    clock = document["clocks"][random.choice(list(document["clocks"]))]
    clock["escalate"] = [{"to": "owner"}, {"after": "PT80000H", "to": "manager"}]
    return True


def close_calendar(random: Random, document: Document) -> bool:
    document["calendar"]["week"] = random.choice([{"mon-sun": "closed"}, {}, {"mon": "09:00-09:00"}])
    return True


def rename(random: Random, document: Document) -> bool:
    section = document[random.choice(["stages", "transitions", "checkpoints", "clocks", "reasons"])]
    section[random.choice(list(section))]["title"] = TITLE
    return False


def reorder(random: Random, document: Document) -> bool:
    section = random.choice(["stages", "transitions"])
    items = list(document[section].items())
    random.shuffle(items)
    document[section] = dict(items)
    return False


MUTATIONS: dict[str, Mutation] = {
    item.__name__: item
    for item in (
        drop_transition,
        redirect,
        narrow_sources,
        guard_by_data,
        guard_by_checkpoint,
        guard_by_visits,
        guard_by_acts,
        widen_guard,
        drop_reason,
        narrow_reasons,
        drop_clock,
        narrow_clock,
        drop_default_target,
        waive,
        swap_steps,
        move_checkpoint,
        empty_field,
        narrow_field,
        compute,
        claim,
        shadow,
        add_stage,
        unheard_escalation,
        endless_escalation,
        close_calendar,
        rename,
        reorder,
    )
}


def mutant(document: Document, kind: str, seed: str) -> tuple[Document, bool]:
    """A changed copy of a document, and whether it is harmful by its nature."""
    changed = copy.deepcopy(document)
    return changed, MUTATIONS[kind](Random(seed), changed)
