"""The document that says who works in a company and how its customers come, as people write it in YAML."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Any
from zoneinfo import available_timezones

from pydantic import EmailStr, Field, StringConstraints, ValidationError

from bpm_crm.engine.definition import Title
from bpm_crm.engine.problems import DefinitionInvalid, Problem, ProblemCode
from bpm_crm.operations.access import Role
from bpm_crm.operations.companies import Company, Person
from bpm_crm.processes.document import Part, ProcessKey, Text, Titles
from bpm_crm.processes.library import shipped_keys
from bpm_crm.processes.shapes import shape_problems
from bpm_crm.processes.yaml_reader import located, read_yaml

EXAMPLE = """\
company: warm-house            # key of the company: for commands, never shown to customers
title: Warm House
zone: Europe/Moscow            # where its days begin; cannot be changed later
currency: RUB                  # of its deals; cannot be changed later
teams:
  sales: Sales
people:                        # roles: admin, process_owner, manager, salesperson, analyst
  - {email: anna@warm-house.example, name: Anna Admin, roles: [admin]}
  - {email: maria@warm-house.example, name: Maria Manager, roles: [manager], team: sales, leads: sales}
  - {email: sofia@warm-house.example, name: Sofia Sales, roles: [salesperson], team: sales}
campaigns:
  autumn: Autumn sale
processes: [inbound-call, callback-request, web-form]   # of `bpm-crm process list`; left out: all of them
channels:                      # only where a channel is to be called otherwise than its process
  web-form: {en: Requests from our site, ru: Заявки с сайта}
"""

_TWICE = Title("“{value}” is here twice; keep one.", "«{value}» встречается дважды; оставьте одно.")
_NO_ADMIN = Title(
    "nobody is an administrator; give one person the role admin.", "нет администратора; дайте кому-нибудь роль admin."
)
_ZONE = Title(
    "“{value}” is no time zone; write one such as Europe/Moscow.",
    "«{value}» — не часовой пояс; напишите, например, Europe/Moscow.",
)


class PersonPart(Part):
    """A user: `leads` names the team they lead, `subject` is what an identity provider calls them."""

    email: EmailStr
    name: Text
    roles: Annotated[list[Role], Field(min_length=1)]
    team: str | None = None
    leads: str | None = None
    subject: Text | None = None


class CompanyDocument(Part):
    """A company."""

    company: ProcessKey
    title: Text
    zone: str
    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
    people: Annotated[list[PersonPart], Field(min_length=1)]
    teams: dict[ProcessKey, Text] = Field(default_factory=dict)
    campaigns: dict[ProcessKey, Text] = Field(default_factory=dict)
    processes: list[ProcessKey] | None = None
    channels: dict[ProcessKey, Titles] = Field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CompanyPlan:
    """A company as a document describes it, and the shipped processes it is to have."""

    company: Company
    processes: Sequence[str]


def read_company(text: str) -> CompanyPlan:
    """What a document asks for; `DefinitionInvalid` with every problem, its place, line and cure."""
    source = read_yaml(text)
    try:
        document = CompanyDocument.model_validate(source.data)
    except ValidationError as error:
        raise DefinitionInvalid(located(shape_problems(error, source.data), source)) from error
    problems = list(_problems(document))
    if problems:
        raise DefinitionInvalid(located(problems, source))
    return CompanyPlan(_company(document), shipped_keys() if document.processes is None else document.processes)


def _company(document: CompanyDocument) -> Company:
    people = [
        Person(person.email.lower(), person.name, tuple(person.roles), person.team, person.leads, person.subject)
        for person in document.people
    ]
    return Company(
        key=document.company,
        title=document.title,
        zone=document.zone,
        currency=document.currency,
        people=people,
        teams=document.teams,
        channels=[(key, titles.en, titles.ru) for key, titles in document.channels.items()],
        campaigns=document.campaigns,
    )


def _problems(document: CompanyDocument) -> Iterator[Problem]:
    if document.zone not in available_timezones():
        yield _shape(("zone",), _ZONE, value=document.zone)
    for number, process in enumerate(document.processes or ()):
        if process not in shipped_keys():
            yield _unknown(("processes", str(number)), "process", process, shipped_keys())
    if not any(Role.ADMIN in person.roles for person in document.people):
        yield _shape(("people",), _NO_ADMIN)
    yield from _problems_of_people(document)


def _problems_of_people(document: CompanyDocument) -> Iterator[Problem]:
    addresses = Counter(person.email.lower() for person in document.people)
    leaders = Counter(person.leads for person in document.people if person.leads is not None)
    for number, person in enumerate(document.people):
        place = ("people", str(number))
        if addresses[person.email.lower()] > 1:
            yield _shape((*place, "email"), _TWICE, value=person.email)
        if person.leads is not None and leaders[person.leads] > 1:
            yield _shape((*place, "leads"), _TWICE, value=person.leads)
        for name, team in (("team", person.team), ("leads", person.leads)):
            if team is not None and team not in document.teams:
                yield _unknown((*place, name), "team", team, document.teams)


def _shape(path: tuple[str, ...], text: Title, **params: Any) -> Problem:
    fault = Title(text.en.format_map(params), text.ru.format_map(params))
    return Problem(ProblemCode.SHAPE, path, {"fault": fault})


def _unknown(path: tuple[str, ...], what: str, value: str, known: Sequence[str] | Any) -> Problem:
    params = {"what": what, "value": value, "known": ", ".join(known) or "—"}
    return Problem(ProblemCode.UNKNOWN_REFERENCE, path, params)
