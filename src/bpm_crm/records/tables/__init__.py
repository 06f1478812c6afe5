"""SQLModel tables, one module per noun; every tenant table is keyed by `tenant_id` first."""

from bpm_crm.records.tables.base import SQLModel
from bpm_crm.records.tables.cell import CasePart, Cell, CellSheet, Compaction, case_change
from bpm_crm.records.tables.channel import Campaign, Channel
from bpm_crm.records.tables.customer import Customer, CustomerContact
from bpm_crm.records.tables.deal import Deal
from bpm_crm.records.tables.delivery import IdempotencyKey, Lease, Outbox
from bpm_crm.records.tables.history import History, HistoryText
from bpm_crm.records.tables.instance import ProcessInstance
from bpm_crm.records.tables.job import Job, JobRow, StoredFile
from bpm_crm.records.tables.migration import MigrationCase, MigrationPlanRow
from bpm_crm.records.tables.own_kpi import OwnKpi
from bpm_crm.records.tables.people import ApiKey, AppUser, Team, TeamMember, UserRole
from bpm_crm.records.tables.process import (
    ProcessChange,
    ProcessDefinitionRow,
    ProcessDraft,
    ProcessRollout,
    ProcessVersion,
    RolloutCase,
)
from bpm_crm.records.tables.replay import Replay, ReplayCase
from bpm_crm.records.tables.review import CorrectiveAction, Review, ReviewChange, ReviewSchedule
from bpm_crm.records.tables.tenant import Counter, Tenant

__all__ = [
    "ApiKey",
    "AppUser",
    "Campaign",
    "CasePart",
    "Cell",
    "CellSheet",
    "Channel",
    "Compaction",
    "CorrectiveAction",
    "Counter",
    "Customer",
    "CustomerContact",
    "Deal",
    "History",
    "HistoryText",
    "IdempotencyKey",
    "Job",
    "JobRow",
    "Lease",
    "MigrationCase",
    "MigrationPlanRow",
    "Outbox",
    "OwnKpi",
    "ProcessChange",
    "ProcessDefinitionRow",
    "ProcessDraft",
    "ProcessInstance",
    "ProcessRollout",
    "ProcessVersion",
    "Replay",
    "ReplayCase",
    "Review",
    "ReviewChange",
    "ReviewSchedule",
    "RolloutCase",
    "SQLModel",
    "StoredFile",
    "Team",
    "TeamMember",
    "Tenant",
    "UserRole",
    "case_change",
]
