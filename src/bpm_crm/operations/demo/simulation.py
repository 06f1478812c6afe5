"""A lead's life, simulated: who works on it, how long each step takes, where and why it is lost.

The figures are made up, but they tell a story that reports can find: one seller converts better, one sends invoices late and loses
most of these deals before they are paid, missed calls are lost more often, and customers of referrals buy more.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from bpm_crm.engine.calendar import BusinessCalendar
from bpm_crm.engine.instants import instant_of, moment_of
from bpm_crm.engine.step import Activity
from bpm_crm.operations.commands import Assign, CustomerDetails, Fire, Record
from bpm_crm.operations.leads import Lead

MINUTE = 60 * 1_000_000
WORKING_DAY = 9 * 60 * MINUTE

Happening = Assign | Fire | Record
REGIONS = ("Moscow", "Moscow region", "Tula", "Kazan", "Tver")
NAMES = (
    "Ivanova",
    "Petrov",
    "Sidorova",
    "Smirnov",
    "Kuznetsova",
    "Popov",
    "Vasilieva",
    "Sokolov",
    "Mikhailova",
    "Novikov",
)
PRODUCTS = ("Roof", "Windows", "Heating", "Insulation", "Doors")
CAMPAIGNS = (None, None, "autumn", "search", "social")

CHANNEL_WEIGHTS = {
    "inbound-call": 22,
    "callback-request": 14,
    "web-form": 20,
    "site-click": 8,
    "store-visit": 10,
    "email": 8,
    "messenger": 10,
    "referral": 4,
    "repeat-purchase": 4,
}


@dataclass(frozen=True, slots=True)
class Seller:
    """A salesperson: `skill` multiplies the chances to go on, `pace` the time steps take, `invoicing` that of invoices."""

    user_id: UUID
    team: str
    skill: float
    pace: float
    invoicing: float


class LeadStory:
    """One lead from arrival to its end or to `now`: an iterator of commands, each with when it happened."""

    def __init__(
        self, number: int, arrived: datetime, now: datetime, sellers: list[Seller], calendar: BusinessCalendar
    ) -> None:
        self._random = random.Random(f"lead {number}")  # noqa: S311  # a story, not a secret
        self._calendar = calendar
        self._at = instant_of(arrived)
        self._now = instant_of(now)
        self.number = number
        self.channel = self._random.choices(list(CHANNEL_WEIGHTS), list(CHANNEL_WEIGHTS.values()))[0]
        self.seller = self._random.choice(sellers)

    def lead(self) -> Lead:
        """The lead as its channel reports it."""
        rng = self._random
        number = self.number if rng.random() > 0.2 else rng.randint(1, max(1, self.number))
        name = f"{rng.choice(NAMES)} {chr(ord('A') + number % 26)}."
        region = rng.choice(REGIONS)
        return Lead(
            channel=self.channel,
            external_id=f"demo-{self.number:05}",
            customer=CustomerDetails(name, f"+7916{number:07}", f"c{number}@customers.example", region),
            title=f"{rng.choice(PRODUCTS)} for {name}",
            campaign=rng.choice(CAMPAIGNS),
            region=region,
            team=self.seller.team,
            occurred_at=moment_of(self._at),
        )

    def commands(self) -> Iterator[Happening]:
        """What happens to the lead, until it ends or the present is reached."""
        for minutes, command in self._story():
            self._at = self._calendar.add(self._at, int(self._random.expovariate(1 / minutes) * MINUTE) + MINUTE)
            if self._at >= self._now:
                return
            yield replace(command, occurred_at=moment_of(self._at))

    def _story(self) -> Iterator[tuple[float, Happening]]:
        seller, rng = self.seller, self._random
        yield 2, Assign(seller.user_id, None)
        yield from self._front()
        lost = self._lost(0.22, ("no_need", "not_our_customer", "no_budget"))
        if lost is not None:
            yield 240 * seller.pace, lost
            return
        if self.channel != "repeat-purchase":
            yield 90 * seller.pace, Fire("qualify", {"need": "Insulated house", "product": rng.choice(PRODUCTS)})
        yield from self._offer()

    def _offer(self) -> Iterator[tuple[float, Happening]]:
        seller, rng = self.seller, self._random
        lost = self._lost(0.3, ("no_response", "price", "no_budget"))
        if lost is not None:
            yield 700 * seller.pace, lost
            return
        amount = f"{round(rng.lognormvariate(11.6, 0.6), -2):.2f}"
        yield 500 * seller.pace, Fire("make_offer", {"amount": amount})
        yield 400, Record(Activity("call", "outbound"))
        if rng.random() < 0.25:
            yield 300, Fire("postpone", {"next_contact_on": moment_of(self._at).date().isoformat()})
            yield 1_800, Fire("resume")
        lost = self._lost(0.35, ("price", "competitor", "no_response"))
        if lost is not None:
            yield 900 * seller.pace, lost
            return
        yield 700 * seller.pace, Fire("agree")
        yield from self._contract(amount)

    def _contract(self, amount: str) -> Iterator[tuple[float, Happening]]:
        seller = self.seller
        lost = self._lost(0.12, ("terms", "competitor"))
        if lost is not None:
            yield 800, lost
            return
        yield 600 * seller.pace, Fire("sign", {"contract_number": f"K-{self.number:05}"})
        signed = self._at
        due = (moment_of(self._at) + timedelta(days=10)).date().isoformat()
        yield (
            150 * seller.invoicing,
            Fire("send_invoice", {"invoice_number": f"S-{self.number:05}", "invoice_due_on": due}),
        )
        is_late = self._calendar.between(signed, self._at) > WORKING_DAY
        lost = (
            self._lost(0.8, ("invoice_late", "competitor")) if is_late else self._lost(0.06, ("competitor", "not_paid"))
        )
        if lost is not None:
            yield 900, lost
            return
        yield 800, Fire("pay", {"paid_amount": amount})
        yield 1_200, Fire("deliver", {"delivered_on": moment_of(self._at).date().isoformat()})

    def _front(self) -> Iterator[tuple[float, Happening]]:
        """From arrival to qualification (for repeat purchases: to interest), as the channel goes."""
        rng, pace = self._random, self.seller.pace
        call = Record(Activity("call", "outbound"))
        match self.channel:
            case "inbound-call" if rng.random() < 0.8:
                yield 1, Fire("answer")
            case "inbound-call":
                yield 1, Fire("miss")
                yield 8 * pace, Fire("call_back")
            case "callback-request" | "web-form" | "referral":
                minutes = {"callback-request": 9, "web-form": 35, "referral": 100}[self.channel]
                yield minutes * pace, call
                if rng.random() < 0.25:
                    yield 1, Fire("fail_to_reach")
                    yield 90, call
                yield 2, Fire("contact")
            case "site-click":
                yield 60, Fire("study", {"pages": "/prices, /roof"})
                yield 90 * pace, call
                yield 2, Fire("contact")
            case "store-visit":
                yield 3, Fire("consult")
            case "email":
                yield 120 * pace, Record(Activity("email", "outbound"))
                yield 1, Fire("reply")
                yield 300, Fire("understand")
            case "messenger":
                yield 5 * pace, Record(Activity("message", "outbound"))
                yield 1, Fire("join")
                yield 60, Fire("understand")
            case _:
                yield 400 * pace, call
                yield 2, Fire("contact", {"contact_reason": rng.choice(("replenishment", "upgrade", "anniversary"))})
                yield 5, Fire("interested")

    def _lost(self, chance: float, reasons: tuple[str, ...]) -> Fire | None:
        """The lead is lost with this chance, tempered by the seller's skill and the channel."""
        kind = {"referral": 0.6, "repeat-purchase": 0.6, "site-click": 1.3}.get(self.channel, 1.0)
        if self._random.random() >= chance * kind / self.seller.skill:
            return None
        return Fire("lose", reason=self._random.choice(reasons))


def aftermath(number: int, paid_at: datetime, now: datetime) -> Iterator[Happening]:
    """The first day after a payment: thanked, handover agreed, asked."""
    rng = random.Random(f"aftermath {number}")  # noqa: S311  # a story, not a secret
    at = paid_at
    steps: list[tuple[float, Fire]] = [
        (0.8, Fire("welcome")),
        (9, Fire("schedule", {"handover_on": (paid_at + timedelta(days=5)).date().isoformat()})),
        (120, Fire("confirm", {"satisfaction": rng.choice((7, 8, 9, 10))})),
    ]
    for hours, command in steps:
        at += timedelta(hours=rng.expovariate(1 / hours))
        if at >= now:
            return
        yield replace(command, occurred_at=at)
