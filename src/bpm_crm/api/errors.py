"""Expected refusals: members of the unions that mutations return, all of them `UserError`s."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import strawberry

from bpm_crm.engine.blockers import Blocker as EngineBlocker
from bpm_crm.engine.blockers import BlockerCode
from bpm_crm.engine.blockers import InputProblem as EngineProblem
from bpm_crm.engine.wording import blocker_message, blocker_unblock, input_message

if TYPE_CHECKING:
    from bpm_crm.api.instances import ProcessInstance


InstanceType = Annotated["ProcessInstance", strawberry.lazy("bpm_crm.api.instances")]


@strawberry.interface(description="A refusal that the caller can do something about. Nothing was written.")
class UserError:
    """A refusal that the caller can do something about."""

    code: str = strawberry.field(description="Stable code, for programs.")
    message: str = strawberry.field(
        description="What is wrong, in the language of `Accept-Language` (English or Russian)."
    )
    path: list[str] = strawberry.field(description="Path to the input at fault; empty when it is none in particular.")


@strawberry.type(description="One thing that stands in the way of a move.")
class Blocker:
    """One thing that stands in the way of a move."""

    code: BlockerCode = strawberry.field(description="Stable code, for programs.")
    message: str = strawberry.field(description="What stands in the way, for people.")
    field: str | None = strawberry.field(description="The data field or input at fault.")
    guard: str | None = strawberry.field(
        description="The condition that does not hold, as the process definition writes it."
    )
    unblock: str | None = strawberry.field(description="What would remove it.")


@strawberry.type(description="The move is not allowed now. `blockedBy` has every cause, not just the first.")
class TransitionRefused(UserError):
    """The move is not allowed now."""

    blocked_by: list[Blocker] = strawberry.field(description="Everything that stands in the way.")
    instance: InstanceType | None = strawberry.field(description="The case as it is.")


@strawberry.type(description="The case has moved on since the caller looked (`expectedSequence`). Read it again.")
class StaleInstance(UserError):
    """The case has moved on."""

    expected_sequence: int = strawberry.field(description="The sequence the caller expected.")
    current_sequence: int = strawberry.field(description="The sequence the case is at.")
    instance: InstanceType = strawberry.field(description="The case as it is.")


@strawberry.type(description="There is no such object, or the caller may not see it.")
class NotFound(UserError):
    """There is no such object for this caller."""


@strawberry.type(description="One fault of an input.")
class InputProblem:
    """One fault of an input."""

    code: str = strawberry.field(description="Stable code, for programs.")
    message: str = strawberry.field(description="What is wrong, and what would have been accepted.")
    path: list[str] = strawberry.field(description="Path to the input at fault.")
    known: list[str] = strawberry.field(description="What would have been accepted, where that is a short list.")


@strawberry.type(
    description="The input names something that does not exist, or has a wrong value. `problems` has every fault."
)
class InvalidInput(UserError):
    """The input names something that does not exist, or has a wrong value."""

    problems: list[InputProblem] = strawberry.field(description="Every fault of the input.")


@strawberry.type(
    description="The idempotency key was used before for something else. Use a fresh key for a new intent."
)
class IdempotencyConflict(UserError):
    """The idempotency key was used before for something else."""


def blockers_of(blockers: Sequence[EngineBlocker], language: str) -> list[Blocker]:
    """The engine's blockers in a language."""
    return [
        Blocker(
            code=blocker.code,
            message=blocker_message(blocker, language),
            field=blocker.field,
            guard=blocker.guard,
            unblock=blocker_unblock(blocker, language),
        )
        for blocker in blockers
    ]


def invalid_input(problems: Sequence[EngineProblem], language: str, prefix: Sequence[str] = ("input",)) -> InvalidInput:
    """The refusal of an input; the paths of its problems begin at the mutation's argument."""
    shown = [
        InputProblem(
            code=problem.code.value,
            message=input_message(problem, language),
            path=[*prefix, *problem.path],
            known=list(problem.known),
        )
        for problem in problems
    ]
    first = shown[0]
    return InvalidInput(code=first.code, message=first.message, path=first.path, problems=shown)


_TEXTS = {
    "NOT_FOUND": (
        "There is nothing with this reference that you may see.",
        "По этой ссылке нет ничего, что вам доступно.",
    ),
    "STALE_INSTANCE": (
        "The case has changed since you looked: it is at step {current}, you expected {expected}. Read it again.",
        "Процесс изменился: сейчас шаг {current}, а вы ожидали {expected}. Прочитайте его заново.",
    ),
    "IDEMPOTENCY_CONFLICT": (
        "The idempotency key “{key}” was used for something else. Use a fresh key for a new intent.",
        "Ключ идемпотентности «{key}» уже использован для другого. Для нового действия нужен новый ключ.",
    ),
    "STALE_CORRECTIVE_ACTION": (
        "The action has changed since you looked: it is at revision {current}, you expected {expected}. Read it again.",
        "Мероприятие изменилось: сейчас версия {current}, а вы ожидали {expected}. Прочитайте его заново.",
    ),
    "STALE_MIGRATION_PLAN": (
        "Somebody has stored revision {current} of this plan, you expected {expected}. Read it again.",
        "Сохранена редакция {current} этого плана, а вы ожидали {expected}. Прочитайте его заново.",
    ),
    "CORRECTIVE_ACTION_CLOSED": (
        "The action is closed. Comment on it, or add another one.",
        "Мероприятие закрыто. Оставьте комментарий или добавьте новое.",
    ),
    "KPI_DOES_NOT_DECOMPOSE": (
        "The value of “{kpi}” is a median or a product: no contributions add up to its move. Compare it by the dimension itself.",
        "Значение «{kpi}» — медиана или произведение: вклады не складываются в его изменение. Сравните его по самому измерению.",
    ),
    "INVALID_DOCUMENT": (
        "The document cannot be taken; {count} to mend, the first: {first}",
        "Документ не принят; нужно исправить: {count}. Первое: {first}",
    ),
    "STALE_PROCESS_DRAFT": (
        "{who} saved the draft at {when}; it is at revision {current}. Read it again, merge, and save over that revision.",
        "Черновик сохранил(а) {who} в {when}; сейчас это ревизия {current}. Прочитайте его снова, объедините и сохраните поверх неё.",
    ),
    "PROCESS_DRAFT_GONE": (
        "{who} published or discarded the draft at {when}. Read the process again, and save a new draft without `expectedRevision`.",
        "Черновик опубликовал(а) или удалил(а) {who} в {when}. Прочитайте процесс снова и сохраните новый черновик без `expectedRevision`.",
    ),
    "STALE_PROCESS_VERSION": (
        "The newest version of “{process}” is {latest}, published by {who} at {when}; the document was made from {expected}. Compare them with `diffProcess`, merge, and publish with `baseVersion` {latest}.",
        "Новейшая версия «{process}» — {latest}, опубликовал(а) {who} в {when}; документ сделан из версии {expected}. Сравните их через `diffProcess`, объедините и опубликуйте с `baseVersion` {latest}.",
    ),
    "ROLLOUT_RUNS": (
        "Version {version} of “{process}” is being rolled out. Finish or stop the rollout first, or publish with `isHeld`.",
        "Идёт выкатка версии {version} процесса «{process}». Сначала завершите или остановите её либо публикуйте с `isHeld`.",
    ),
    "TRANSITION_REFUSED": ("The move is not allowed now: {causes}", "Переход сейчас невозможен: {causes}"),
    "LEAD_ALREADY_CAPTURED": (
        "The channel has reported this lead before, with other content. Correct the case it became, or use another external id.",
        "Канал уже сообщал об этом обращении с другим содержанием. Исправьте созданный процесс или укажите другой внешний номер.",
    ),
}


def text(code: str, language: str, **values: object) -> str:
    """The text of a refusal in a language."""
    english, russian = _TEXTS[code]
    return (russian if language == "ru" else english).format_map(values)


def not_found(language: str, *path: str) -> NotFound:
    """The refusal of a reference."""
    return NotFound(code="NOT_FOUND", message=text("NOT_FOUND", language), path=list(path))
