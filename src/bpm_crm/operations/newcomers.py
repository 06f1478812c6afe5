"""New cases of a batch: whether they were captured before, whose they are, and the deals they open."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from bpm_crm.engine.instants import moment_of
from bpm_crm.engine.process import Process
from bpm_crm.operations.commands import Capture
from bpm_crm.operations.decisions import NewCase
from bpm_crm.records import intake
from bpm_crm.records.database import Connection
from bpm_crm.records.identifiers import new_id
from bpm_crm.records.instances import InstanceRecord, load
from bpm_crm.records.people import load_leads


class Newcomers:
    """What a batch knows about the leads it captures, and the rows it will insert for those accepted."""

    def __init__(self, tenant_id: UUID) -> None:
        self.tenant_id = tenant_id
        self.customers: list[dict[str, Any]] = []
        self.contacts: list[dict[str, Any]] = []
        self.deals: list[dict[str, Any]] = []
        self._captured: dict[tuple[UUID, str], InstanceRecord] = {}
        self._owners_of_contacts: dict[tuple[str, str], UUID] = {}
        self._leads: dict[UUID, UUID] = {}

    async def prepare(self, connection: Connection, captures: Sequence[Capture]) -> None:
        """Look up leads captured before, customers known by their addresses, and the leads of the teams."""
        external = [(item.channel_id, item.external_id) for item in captures if item.external_id is not None]
        if external:
            known = await intake.captured_leads(connection, self.tenant_id, external)
            records = await load(connection, self.tenant_id, known.values())
            self._captured = {reference: records[case] for reference, case in known.items()}
        contacts = {pair for item in captures if item.customer is not None for pair in item.customer.contacts}
        if contacts:
            self._owners_of_contacts = await intake.known_customers(connection, self.tenant_id, sorted(contacts))
        teams = {item.team_id for item in captures if item.team_id is not None}
        if teams:
            self._leads = await load_leads(connection, self.tenant_id, sorted(teams))

    def captured_as(self, capture: Capture) -> InstanceRecord | None:
        """The case this lead became, if the channel reported it before."""
        return None if capture.external_id is None else self._captured.get((capture.channel_id, capture.external_id))

    def identities(self, capture: Capture) -> NewCase:
        """The ids of a case about to begin."""
        deal_id = new_id() if capture.opens_deal and capture.deal_id is None else capture.deal_id
        lead_id = None if capture.team_id is None else self._leads.get(capture.team_id)
        return NewCase(new_id(), deal_id, self._customer_id(capture), lead_id)

    def accept(self, capture: Capture, record: InstanceRecord, process: Process, now: datetime) -> None:
        """Take a decided case in: its rows will be inserted, and later leads of the batch may refer to it."""
        if capture.external_id is not None:
            self._captured[capture.channel_id, capture.external_id] = record
        if record.customer_id is not None and capture.customer_id is None:
            self._accept_customer(capture, record.customer_id, now)
        if capture.opens_deal and capture.deal_id is None:
            self.deals.append(_deal_row(capture, record, process))

    async def number_deals(self, connection: Connection, now: datetime) -> None:
        """Give the new deals their keys, `D-2026-000123`; the year is that of recording."""
        if self.deals:
            numbers = await intake.take_numbers(connection, self.tenant_id, f"deal-{now.year}", len(self.deals))
            for number, deal in zip(numbers, self.deals, strict=True):
                deal["key"] = f"D-{now.year}-{number:06}"

    def _customer_id(self, capture: Capture) -> UUID | None:
        if capture.customer_id is not None or capture.customer is None:
            return capture.customer_id
        known = (self._owners_of_contacts.get(pair) for pair in capture.customer.contacts)
        return next((customer_id for customer_id in known if customer_id is not None), None) or new_id()

    def _accept_customer(self, capture: Capture, customer_id: UUID, now: datetime) -> None:
        details = capture.customer
        if details is None:
            return
        if customer_id not in self._owners_of_contacts.values():
            row = {"name": details.name, "phone": details.phone, "email": details.email, "region": details.region}
            self.customers.append({**row, "tenant_id": str(self.tenant_id), "id": str(customer_id), "created_at": now})
        for kind, value in details.contacts:
            if (kind, value) not in self._owners_of_contacts:
                self._owners_of_contacts[kind, value] = customer_id
                contact = {"kind": kind, "value": value, "customer_id": str(customer_id)}
                self.contacts.append({**contact, "tenant_id": str(self.tenant_id)})


def _deal_row(capture: Capture, record: InstanceRecord, process: Process) -> dict[str, Any]:
    return {
        "tenant_id": str(record.tenant_id),
        "id": str(record.deal_id),
        "title": capture.title,
        "customer_id": None if record.customer_id is None else str(record.customer_id),
        "channel_id": str(record.channel_id),
        "campaign_id": None if record.campaign_id is None else str(record.campaign_id),
        "region": record.region,
        "owner_id": record.state.owner,
        "team_id": record.state.team,
        "instance_id": str(record.id),
        "amount": process.amount_of(record.state.data),
        "currency": capture.currency,
        "outcome": record.outcome,
        "started_at": moment_of(record.state.started_at),
    }
