"""Histories as they are read from the database, run through a definition: pure, so that another process can do it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from bpm_crm.engine.clock import ClockState
from bpm_crm.engine.cycles import ObservedClock
from bpm_crm.engine.observed import Observed
from bpm_crm.engine.process import Process
from bpm_crm.engine.replay import NotReplayable, RecordedStep, StepKind
from bpm_crm.engine.rerun import rerun
from bpm_crm.engine.state import Actor
from bpm_crm.engine.step import Activity
from bpm_crm.operations.replay_tally import Key, Tally
from bpm_crm.processes.definitions import restore
from bpm_crm.records.states import unpack_before, unpack_mapping

_KINDS = frozenset(StepKind)
NO_ROLES: frozenset[str] = frozenset()


class History(NamedTuple):
    """The history of one case: its id, the channel it came by, and its rows, each as `records.replays` reads it."""

    case: str
    channel: str
    steps: Sequence[Sequence[Any]]


class Judged(NamedTuple):
    """What became of some histories: their figures, and which of these count each case that differs."""

    tally: Tally
    found: list[tuple[str, list[Key]]]


@dataclass
class Court:
    """What histories are judged with, as plain data.

    `document` is the definition they are run through, `versions` the documents they were written under, `roles` those of each actor,
    `channels` the keys of the channels by id, `horizon` the instant up to which time passes (microseconds).
    """

    document: Mapping[str, Any]
    versions: Mapping[int, Mapping[str, Any]]
    roles: Mapping[str, Sequence[str]]
    channels: Mapping[str, str]
    horizon: int

    def __post_init__(self) -> None:
        self._processes: dict[int, Process] = {}
        self._roles = {actor: frozenset(roles) for actor, roles in self.roles.items()}

    @cached_property
    def process(self) -> Process:
        """The definition that histories are run through."""
        return Process(restore(self.document))

    def judge(self, histories: Sequence[History]) -> Judged:
        """Run histories through the definition."""
        tally = Tally()
        found = []
        for history in histories:
            try:
                found_ = rerun(self.process, self._observed(history), self.horizon)
                keys = tally.add(found_, self.channels.get(history.channel, ""))
            except NotReplayable as error:
                keys = tally.add_unreadable(str(error)[:200])
            if keys:
                found.append((history.case, keys))
        return Judged(tally, found)

    def _observed(self, history: History) -> list[Observed]:
        subject = {"channel": self.channels.get(history.channel, ""), "region": ""}
        return [self._step(row, subject) for row in history.steps]

    def _step(self, row: Sequence[Any], subject: dict[str, str]) -> Observed:
        (
            sequence, kind, at, version, actor_id, actor_kind, transition, stage, reason, checkpoints, clocks, activity, data,
            personal, owner, team, exclusion, region, packed,
        ) = row  # fmt: skip
        if kind not in _KINDS:
            raise NotReplayable(f"no step is known that leaves a row of kind “{kind}”")
        step = RecordedStep(
            kind=StepKind(kind),
            at=int(at),
            owner=owner,
            team=team,
            exclusion=exclusion,
            stage=stage,
            transition=transition,
            reason=reason,
            data={**(data or {}), **(personal or {})},
            activity=None if activity is None else Activity(**activity),
            actor=actor_id,
            mapping=None if packed is None else unpack_mapping(packed),
            before=None if packed is None else unpack_before(packed),
            subject={**subject, "region": region or ""} if kind == StepKind.STARTED else {},
        )
        actor = Actor(actor_id, actor_kind, self._roles.get(actor_id, NO_ROLES))
        return Observed(sequence, step, self._version(version), actor, checkpoints or (), _clocks(clocks))

    def _version(self, number: int) -> Process:
        found = self._processes.get(number)
        if found is None:
            document = self.versions.get(number)
            if document is None:
                raise NotReplayable(f"version {number} of its process is missing")
            found = self.process if document == self.document else Process(restore(document))
            self._processes[number] = found
        return found


def _clocks(events: Sequence[Mapping[str, Any]] | None) -> Sequence[ObservedClock]:
    if not events:
        return ()
    return [ObservedClock(event["clock"], event["cycle"], ClockState(event["state"]), event["due"]) for event in events]
