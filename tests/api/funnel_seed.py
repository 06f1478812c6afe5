"""The funnel of the worked example, told to the API as its clients would: 200 leads by an integration, their moves by two sellers."""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bpm_crm.operations.access import Role
from bpm_crm.operations.companies import issue_key
from tests.analytics.leads import fire, hour, up_to
from tests.api.client import Api, an_api
from tests.world import PUBLISHED_AT, World

REACHED = (200, 100, 50, 30, 25, 25)
STOPS_AT = (100, 50, 20, 5, 0, 25)
"""How many leads got no further than each step."""
REASONS = {1: "no_response", 2: "price", 3: "competitor", 4: "invoice_late"}
PRODUCTS = ("roof", "door", "roof window")
MONDAY_NINE, TUESDAY_NINE = 6, 30
"""Nine o'clock in Moscow, in hours of the tests' week."""

CAPTURE = """
mutation Capture({arguments}) {{ {fields} }}
fragment Captured on CaptureLeadResult {{ __typename ... on UserError {{ code message }} ... on LeadCaptured {{ instance {{ id }} }} }}
"""
MOVE = """
mutation ($input: FireTransitionsInput!) { fireTransitions(input: $input) { fired refused
  results { __typename ... on UserError { code message path } } } }
"""


@dataclass(frozen=True)
class Story:
    """One lead: its number, how many steps it reaches, its channel, its seller, and when it arrives."""

    number: int
    steps: int
    channel: str
    seller: str
    arrives: int

    @property
    def external_id(self) -> str:
        return f"lead-{self.number}"

    @property
    def moves(self) -> Iterator[dict[str, Any]]:
        """An hour apart; whom call-back requests lose, they lose at six in the evening, the others are left open."""
        fires = list(up_to(self.steps, begins=self.arrives))
        if self.channel == "callback-request" and self.steps in REASONS:
            fires.append(fire("lose", self.arrives + 9, REASONS[self.steps]))
        for item in fires:
            yield {
                "instance": {"external": {"channel": self.channel, "externalId": self.external_id}},
                "transition": item.trigger,
                "data": {**item.data, **({"product": PRODUCTS[self.number % 3]} if item.trigger == "contact" else {})},
                "reason": item.reason,
                "occurredAt": item.occurred_at and item.occurred_at.isoformat(),
            }


def stories() -> list[Story]:
    """Call-back requests of Monday and web forms of Tuesday in turns, for Ann and Bob in pairs."""
    steps = [step for step, many in enumerate(STOPS_AT, 1) for _ in range(many)]
    return [
        Story(
            number,
            reaches,
            *(("web-form", "callback-request")[number % 2 == 0],),
            ("ann", "bob")[number // 2 % 2],
            (MONDAY_NINE, TUESDAY_NINE)[number % 2],
        )
        for number, reaches in enumerate(steps)
    ]


async def key_of_integration(world: World) -> str:
    """The key of an integration that reports leads of every channel."""
    async with world.owner.transaction(world.tenant_id) as connection:
        return await issue_key(
            connection, world.tenant_id, name="site", role=Role.CHANNEL_INTEGRATION, channels=[], at=PUBLISHED_AT
        )


async def capture(api: Api, token: str, some: Sequence[Story]) -> None:
    """Report leads, many in one request."""
    names = range(len(some))
    query = CAPTURE.format(
        arguments=", ".join(f"$lead{name}: CaptureLeadInput!" for name in names),
        fields=" ".join(f"lead{name}: captureLead(input: $lead{name}) {{ ...Captured }}" for name in names),
    )
    leads = {
        f"lead{name}": {
            "channel": story.channel,
            "externalId": story.external_id,
            "team": "north",
            "occurredAt": hour(story.arrives).isoformat(),
        }
        for name, story in zip(names, some, strict=True)
    }
    answer = await api.ask(query, by=None, token=token, **leads)
    assert {lead["__typename"] for lead in answer["data"].values()} == {"LeadCaptured"}, answer


async def move(api: Api, seller: str, some: Sequence[dict[str, Any]]) -> None:
    """Move leads, many in one request."""
    done = (await api.data(MOVE, by=seller, input={"items": list(some)}))["fireTransitions"]
    assert (done["fired"], done["refused"]) == (len(some), 0), done


@asynccontextmanager
async def a_loaded_api(world: World, home: Path) -> AsyncIterator[Api]:
    """The application with the worked example in it."""
    token = await key_of_integration(world)
    async with an_api(world, home) as api:
        told = stories()
        for begins in range(0, len(told), 20):
            await capture(api, token, told[begins : begins + 20])
        for seller in ("ann", "bob"):
            moves = [item for story in told if story.seller == seller for item in story.moves]
            for begins in range(0, len(moves), 200):
                await move(api, seller, moves[begins : begins + 200])
        yield api
