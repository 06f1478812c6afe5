"""Every report by name, asked with nothing but a frame and a question: what a stored answer is compared with later."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any

from bpm_crm.analytics.checkpoints import read_checkpoints
from bpm_crm.analytics.estimates import read_estimates
from bpm_crm.analytics.frames import Frame, Question
from bpm_crm.analytics.funnel import FunnelMode, OrderMode, read_funnel
from bpm_crm.analytics.losses import read_losses
from bpm_crm.analytics.stranded import read_stranded
from bpm_crm.records.database import Connection

Report = Callable[[Connection, Frame, Question], Awaitable[Any]]


def _funnel(mode: FunnelMode, order_mode: OrderMode = OrderMode.ANY) -> Report:
    async def read(connection: Connection, frame: Frame, question: Question) -> Any:
        return await read_funnel(connection, frame, question, mode=mode, order_mode=order_mode)

    return read


async def _estimates(connection: Connection, frame: Frame, question: Question) -> Any:
    figures = await read_funnel(connection, frame, question)
    return await read_estimates(connection, figures.members)


def numbers_of(answer: Any) -> Any:
    """What an answer says, whatever order its segments come in; times are compared to the microsecond."""
    if is_dataclass(answer) and not isinstance(answer, type):
        return (type(answer).__name__, *(numbers_of(getattr(answer, item.name)) for item in fields(answer)))
    if isinstance(answer, Mapping):
        return sorted(((repr(key), numbers_of(value)) for key, value in answer.items()), key=repr)
    if isinstance(answer, float):
        return round(answer, 6)
    if isinstance(answer, Sequence) and not isinstance(answer, str | bytes):
        return sorted((numbers_of(item) for item in answer), key=repr)
    return answer


REPORTS: Mapping[str, Report] = {
    **{f"cohort {order}": _funnel(FunnelMode.COHORT, order) for order in OrderMode},
    "period": _funnel(FunnelMode.PERIOD),
    "snapshot": _funnel(FunnelMode.SNAPSHOT),
    "estimates": _estimates,
    "losses": read_losses,
    "checkpoints": read_checkpoints,
    "stranded": read_stranded,
}
