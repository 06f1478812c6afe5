"""A process definition derived from a foreign log: one stage and one checkpoint per activity, one move per observed succession.

What the log shows is legal, nothing else is. The stages before the first activity and after the last are silent: the log knows no such
events. The calendar is always open: a foreign log says nothing about working hours.
"""

from typing import Any

from bpm_crm.exchange.profile import LogProfile
from bpm_crm.processes.yaml_writer import write_yaml

START = "begun"
END = "completed"
FINISH = "complete_case"
RESOURCE, GROUP = "resource", "resource_group"
RESERVED = (START, END, FINISH)


def derive_document(profile: LogProfile, *, key: str, title: str) -> str:
    """The YAML text of the definition; equal logs give equal texts."""
    stages = {START: {**_stage("initial", "Begun", "Начато"), "silent": True}}
    stages |= {stage_key(item): _stage("open", name, name) for name, item in profile.activities.items()}
    stages[END] = {**_stage("won", "Completed", "Завершено"), "silent": True}
    document: dict[str, Any] = {
        "process": key,
        "title": _titles(title, title),
        "description": _titles(f"Derived from the event log {title}.", f"Выведено из журнала событий {title}."),
        "channels": [channel_key(key, item) for item in profile.channels.values()],
        "calendar": {"zone": "UTC", "week": {"mon-sun": "00:00-24:00"}},
        "fields": _fields(profile),
        "stages": stages,
        "transitions": _transitions(profile),
        "checkpoints": _checkpoints(profile),
    }
    return write_yaml(document)


def stage_key(activity: str) -> str:
    """The stage a case is in after an activity, by the activity's key."""
    return f"{activity}_" if activity in RESERVED else activity


def channel_key(process: str, channel: str) -> str:
    """The channel of the company that stands for a channel of the log: never one of its own."""
    return f"{process}-{channel}"[:63]


def field_key(attribute: str) -> str:
    """The data field that holds an attribute of the cases."""
    return f"{attribute}_" if attribute in {RESOURCE, GROUP} else attribute


def _transitions(profile: LogProfile) -> dict[str, Any]:
    """One transition per activity, out of every stage after which the log shows it; and the end after every last activity."""
    found: dict[str, Any] = {}
    for name, key in profile.activities.items():
        sources = [
            START if previous == "" else stage_key(profile.activities[previous])
            for previous, following in profile.follows.items()
            if name in following
        ]
        found[stage_key(key)] = {"title": _titles(name, name), "from": sources, "to": stage_key(key)}
    last = [stage_key(profile.activities[name]) for name in profile.ends]
    found[FINISH] = {"title": _titles("Case completed", "Завершено"), "from": last, "to": END}
    return found


def _checkpoints(profile: LogProfile) -> dict[str, Any]:
    """The intake, every activity, and the end; the first and the last are steps of the funnel."""
    found: dict[str, Any] = {
        "intake": {"title": _titles("Intake", "Поступление"), "order": 1, "reached": {"started": True}}
    }
    for name, key in profile.activities.items():
        found[_checkpoint_key(key)] = {"title": _titles(name, name), "reached": {"entering": stage_key(key)}}
    found["finished"] = {"title": _titles("Completed", "Завершено"), "order": 2, "reached": {"entering": END}}
    return found


def _checkpoint_key(activity: str) -> str:
    return f"{activity}_" if activity in {"intake", "finished"} else activity


def _fields(profile: LogProfile) -> dict[str, Any]:
    fields = {
        field_key(key): {"type": kind, "title": _titles(name, name)}
        | ({"max_length": 4000} if kind == "string" else {})
        for name, (key, kind) in profile.attributes.items()
    }
    for key, english, russian in ((RESOURCE, "Resource", "Исполнитель"), (GROUP, "Group", "Группа")):
        fields[key] = {"type": "string", "title": _titles(english, russian), "max_length": 4000}
    fields[RESOURCE]["binds"] = "performer"
    return fields


def _stage(kind: str, english: str, russian: str) -> dict[str, Any]:
    """A stage; in one where work goes on no clock runs, since a log knows no targets."""
    waiver = _titles("The log knows no targets.", "Журнал не знает нормативов.")
    return {"kind": kind, "title": _titles(english, russian)} | ({} if kind == "won" else {"waiver": waiver})


def _titles(english: str, russian: str) -> dict[str, str]:
    return {"en": english[:400], "ru": russian[:400]}
