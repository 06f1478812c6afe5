"""Random small processes: always sound, never sensible."""

from typing import Any

from hypothesis import assume
from hypothesis import strategies as st

from bpm_crm.engine.definition import ProcessDefinition
from bpm_crm.engine.validate import validate
from bpm_crm.processes.definitions import definition_of, parse_document
from tests.engine.build import ROLES

GUARDS = (
    "data.amount > 10.0",
    "data.count == null || data.count < 5",
    "data.flag == true",
    "data.day != null && data.day < now",
    "reached.begun",
    "visits.s1 < 2",
    "activities.call > 0",
    "'manager' in actor.roles",
    "now - instance.entered_at > duration('1h')",
)
FIELDS = {"amount": "decimal", "count": "integer", "flag": "boolean", "day": "date", "note": "string"}
CALENDARS: tuple[dict[str, Any], ...] = (
    {"week": {"mon-fri": "09:00-18:00"}},
    {"week": {"mon-fri": ["09:00-13:00", "14:00-18:00"], "sat": "10:00-15:00"}},
    {"week": {"mon-sun": "00:00-24:00"}},
    {"week": {"mon": "09:00-12:00", "tue": "15:00-24:00", "fri": "00:00-10:30"}},
    {"week": {"mon-fri": "09:00-18:00"}, "exceptions": {"2026-11-18": "closed", "2026-11-20": "09:00-12:00"}},
)
SPANS = ("PT1M", "PT15M", "PT2H", "PT9H", "PT20H", "1 business day", "3 business days")
ALWAYS_SPANS = ("PT1H", "PT24H", "2 business days")
WARNINGS = ("50%", "80%", "99.99%", "PT5M", "PT3H")
PEOPLE = ("owner", "team_lead", "manager")
EFFECTS: tuple[dict[str, Any], ...] = (
    {"assign": "actor"},
    {"assign": "actor_if_unowned"},
    {"set": {"count": "7"}},
    {"start": "other"},
)
ACTIVITIES: tuple[Any, ...] = (
    "response",
    "call",
    "meeting",
    {"direction": "inbound"},
    {"kind": "email", "automated": True},
    {"kind": "message", "direction": "outbound"},
)


def titled(key: str) -> dict[str, str]:
    return {"en": key, "ru": key}


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    """The plain data of a random document; most are sound."""
    work = [f"s{number}" for number in range(1, draw(st.integers(1, 3)) + 1)]
    stages = {"new": "initial", **dict.fromkeys(work, "open"), "hold": "waiting", "won": "won", "lost": "lost"}
    transitions = {**_chain(draw, work), **_extras(draw, list(stages), work)}
    checkpoints = ["begun", *(f"c{number}" for number in range(draw(st.integers(0, 3))))]
    known = _Known(list(stages), list(transitions), checkpoints)
    pauses = {"wait": {"title": titled("wait"), "during": ["hold"]}}
    if draw(st.booleans()):
        pauses["docs"] = {"title": titled("docs"), "from": known.condition(draw), "until": known.condition(draw)}
    return {
        "process": "random",
        "title": titled("random"),
        "calendar": {"zone": "Europe/Moscow", **draw(st.sampled_from(CALENDARS))},
        "fields": {key: {"type": kind, "title": titled(key)} for key, kind in FIELDS.items()},
        "stages": {key: {"kind": kind, "title": titled(key)} for key, kind in stages.items()},
        "transitions": transitions,
        "checkpoints": {
            key: {"title": titled(key), "reached": {"started": True} if key == "begun" else known.condition(draw)}
            for key in checkpoints
        },
        "pauses": pauses,
        "clocks": {f"k{number}": _clock(draw, known, list(pauses)) for number in range(draw(st.integers(1, 4)))},
        "reasons": {
            "price": {"title": titled("price"), "for": list(transitions)},
            "early": {"title": titled("early"), "for": ["lose"], "stages": ["new", *work[:1]]},
        },
    }


@st.composite
def definitions(draw: st.DrawFn) -> ProcessDefinition:
    """A random sound definition."""
    definition = definition_of(parse_document(draw(documents())))
    assume(not validate(definition, ROLES))
    return definition


class _Known:
    """The names that conditions may use."""

    def __init__(self, stages: list[str], transitions: list[str], checkpoints: list[str]) -> None:
        self.stages = st.sampled_from(stages)
        self.transitions = st.sampled_from(transitions)
        self.checkpoints = st.sampled_from(checkpoints)

    def condition(self, draw: st.DrawFn) -> list[dict[str, Any]]:
        activity = st.builds(lambda match: {"activity": match}, st.sampled_from(ACTIVITIES))
        parts = st.one_of(
            activity,
            st.just({"started": True}),
            st.just({"entering": "*"}),
            st.just({"leaving": "*"}),
            activity,
            st.builds(lambda key: {"entering": key}, self.stages),
            st.builds(lambda key: {"leaving": key}, self.stages),
            st.builds(lambda key: {"transition": key}, self.transitions),
            st.builds(lambda key: {"checkpoint": key}, self.checkpoints),
        )
        return draw(st.lists(parts, min_size=1, max_size=2))


def _chain(draw: st.DrawFn, work: list[str]) -> dict[str, Any]:
    """Moves that make every stage reachable and every way end."""
    chain = ["new", *work]
    moves = {f"to_{target}": _move(draw, [source], target) for source, target in zip(chain, work, strict=False)}
    return {
        **moves,
        "pause": _move(draw, [work[0]], "hold"),
        "resume": _move(draw, ["hold"], work[0]),
        "win": _move(draw, [work[-1]], "won"),
        "lose": {"title": titled("lose"), "from": "*", "to": "lost", "reason": "required"},
        "reopen": _move(draw, ["lost"], work[0]),
    }


def _extras(draw: st.DrawFn, stages: list[str], work: list[str]) -> dict[str, Any]:
    """More moves, some of them alternatives of one trigger."""
    found = {}
    for number in range(draw(st.integers(0, 3))):
        sources = draw(st.lists(st.sampled_from([*stages]), min_size=1, max_size=3, unique=True))
        move = _move(draw, sources, draw(st.sampled_from([*work, "hold", "won"])))
        if draw(st.booleans()):
            move |= {"trigger": "shared", "guard": draw(st.sampled_from(GUARDS))}
        found[f"x{number}"] = move
    return found


def _move(draw: st.DrawFn, sources: list[str], target: str) -> dict[str, Any]:
    move: dict[str, Any] = {"title": titled(target), "from": sources, "to": target}
    kind = draw(st.integers(0, 7))
    if kind == 0:
        move["guard"] = draw(st.sampled_from(GUARDS))
    elif kind == 1:
        move["require"] = draw(st.lists(st.sampled_from(list(FIELDS)), min_size=1, max_size=2, unique=True))
    elif kind == 2:
        move["roles"] = ["manager"]
    elif kind == 3:
        move["approval"] = {"roles": ["manager", "salesperson"]}
    elif kind == 4:
        move["reason"] = draw(st.sampled_from(["optional", "required"]))
    elif kind == 5:
        move["effects"] = draw(st.lists(st.sampled_from(EFFECTS), max_size=2))
    return move


def _clock(draw: st.DrawFn, known: _Known, pauses: list[str]) -> dict[str, Any]:
    always = draw(st.integers(0, 3)) == 0
    spans = st.sampled_from(ALWAYS_SPANS[:2] if always else SPANS)
    target: Any = draw(spans)
    if draw(st.integers(0, 3)) == 0:
        target = {"new": target, "s1": draw(spans)}
    clock: dict[str, Any] = {
        "title": titled("clock"),
        "start": known.condition(draw),
        "stop": known.condition(draw),
        "target": target,
        "calendar": "always" if always else "business",
        "pause": draw(st.lists(st.sampled_from(pauses), unique=True)),
        "warnings": draw(st.lists(st.sampled_from(WARNINGS), max_size=2)),
        "escalate": [{"to": person} for person in draw(st.lists(st.sampled_from(PEOPLE), max_size=1))],
        "reopen": draw(st.sampled_from(["new_cycle", "resume"])),
    }
    if draw(st.booleans()):
        clock["escalate"] = [*clock["escalate"], {"after": "PT1H", "to": "team_lead"}]
    if draw(st.integers(0, 2)) == 0:
        clock["cancel"] = known.condition(draw)
    return clock
