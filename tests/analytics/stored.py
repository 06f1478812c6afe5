"""Every report by name, asked with nothing but a frame and a question: what a stored answer is compared with later."""

from collections.abc import Awaitable, Callable, Mapping
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


REPORTS: Mapping[str, Report] = {
    **{f"cohort {order}": _funnel(FunnelMode.COHORT, order) for order in OrderMode},
    "period": _funnel(FunnelMode.PERIOD),
    "snapshot": _funnel(FunnelMode.SNAPSHOT),
    "estimates": _estimates,
    "losses": read_losses,
    "checkpoints": read_checkpoints,
    "stranded": read_stranded,
}
