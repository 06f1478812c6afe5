"""What the commands about processes share: a company's database, who asks, and refusals in the words of the API."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

from rich.console import Console

from bpm_crm.cli.companies import company_of
from bpm_crm.cli.faults import CommandRefused
from bpm_crm.cli.provision import Provision, provisioned
from bpm_crm.config import Settings
from bpm_crm.engine.problems import DefinitionInvalid
from bpm_crm.engine.wording import input_message
from bpm_crm.operations.commands import NOBODY, Missing, NotUnderstood
from bpm_crm.operations.drafts import DocumentRefused, StaleDraft
from bpm_crm.operations.releasing import StaleBase
from bpm_crm.operations.requests import Request
from bpm_crm.operations.rollouts import RolloutRuns
from bpm_crm.processes.yaml_reader import MAX_BYTES
from bpm_crm.records.database import Database

T = TypeVar("T")
Work = Callable[[Database, UUID], Awaitable[T]]

out, err = Console(soft_wrap=True, highlight=False), Console(stderr=True, soft_wrap=True, highlight=False)


def at_company(tenant: str, work: Work[T]) -> T:
    """Do something in the database of a company."""
    with provisioned(Settings(), err.print) as provision:
        return asyncio.run(_done(provision, tenant, work))


def acted(
    tenant: str, key: str, act: Callable[[Database, Request], Awaitable[Any]], kind: type[T], comment: str | None = None
) -> T:
    """Do something to a process of a company; the answer, if it is of this kind, else the refusal."""

    async def work(owner: Database, tenant_id: UUID) -> T:
        return accepted(await act(owner, request_of(tenant_id, comment)), kind, process=key)

    return at_company(tenant, work)


def request_of(tenant_id: UUID, comment: str | None = None) -> Request:
    """The request of a command: the installation itself asks."""
    return Request(tenant_id, NOBODY, comment)


def accepted(answer: Any, kind: type[T], *, process: str = "") -> T:
    """The answer, if it is of this kind; else the refusal, as a command tells it."""
    match answer:
        case DocumentRefused(problems):
            raise DefinitionInvalid(problems)
        case NotUnderstood(problems):
            raise CommandRefused(" ".join(input_message(problem, "en") for problem in problems))
        case Missing():
            raise CommandRefused(
                f"There is nothing of this kind for the process “{process}”. `bpm-crm process list` names them."
            )
        case StaleBase():
            raise CommandRefused(
                f"The newest version of {answer.process} is {answer.latest}; the document was made from {answer.expected}. "
                "Compare them with `bpm-crm process diff`, merge, and publish again."
            )
        case StaleDraft():
            raise CommandRefused(
                f"The draft of {answer.draft.process} is at revision {answer.draft.revision}, changed at "
                f"{answer.draft.saved_at:%Y-%m-%d %H:%M:%S} UTC. Read it again, merge, and name that revision."
            )
        case RolloutRuns():
            raise CommandRefused(
                f"Version {answer.version_b} of {answer.process} is being rolled out. Finish or stop the rollout first."
            )
    if not isinstance(answer, kind):
        raise TypeError(f"unexpected answer {type(answer).__name__}")
    return answer


async def _done(provision: Provision, tenant: str, work: Work[T]) -> T:
    owner = await provision.owner_database(2)
    try:
        return await work(owner, await company_of(owner, tenant))
    finally:
        await owner.close()


def document_text(file: Path) -> str:
    """The text of a document; no more of a large file is read than shows that it is too large."""
    with file.open("rb") as stream:
        head = stream.read(MAX_BYTES + 1)
    try:
        return head.decode("utf-8-sig") if len(head) <= MAX_BYTES else head.decode("utf-8", "replace")
    except UnicodeDecodeError as error:
        line = head.count(b"\n", 0, error.start) + 1
        raise CommandRefused(f"{file} (line {line}): this is not UTF-8; save the document in that encoding.") from error
