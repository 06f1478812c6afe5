"""The enums of lower layers as GraphQL enums, with a description of every value."""

from bpm_crm.api.exposing import expose
from bpm_crm.engine.blockers import BlockerCode
from bpm_crm.engine.clock import ClockEventKind, ClockState, SegmentKind
from bpm_crm.engine.definition import FieldType, ReasonRule, StageKind
from bpm_crm.engine.soundness.undecided import PROPERTY_TEXTS, Property
from bpm_crm.engine.traces import Act
from bpm_crm.operations.access import Permission, Reach, Role

expose(
    StageKind,
    "What a stage means for the case that is in it.",
    {
        StageKind.INITIAL: "Cases begin here.",
        StageKind.OPEN: "Work goes on.",
        StageKind.WAITING: "The customer or a third party is to act; clocks may pause.",
        StageKind.WON: "The case ended with success.",
        StageKind.LOST: "The case ended without success; a reason is known.",
        StageKind.CANCELLED: "The case ended because it should not have been one.",
    },
)
expose(
    FieldType,
    "The type of a data field.",
    {
        FieldType.STRING: "A text.",
        FieldType.INTEGER: "A whole number.",
        FieldType.DECIMAL: "An exact decimal, written as a string.",
        FieldType.BOOLEAN: "True or false.",
        FieldType.DATE: "A date, `YYYY-MM-DD`.",
        FieldType.DATETIME: "An instant as in RFC 3339, with an offset.",
        FieldType.CHOICE: "The key of one of the field's options.",
    },
)
expose(
    Act,
    "What a step of a trace does.",
    {
        Act.START: "A case begins.",
        Act.FIRE: "A trigger is fired.",
        Act.RECORD: "An activity is recorded.",
        Act.ASSIGN: "The case gets another owner.",
    },
)
expose(
    Property,
    "What is proved of a process.",
    {found: f"{text.en.capitalize()}." for found, text in PROPERTY_TEXTS.items()},
)
expose(
    ReasonRule,
    "Whether a transition takes a reason from the catalogue.",
    {
        ReasonRule.NONE: "It takes none.",
        ReasonRule.OPTIONAL: "A reason may be given.",
        ReasonRule.REQUIRED: "A reason must be given.",
    },
)
expose(
    ClockState,
    "State of a clock. Once breached it stays breached, open or closed.",
    {
        ClockState.RUNNING: "Counting, the target not yet reached.",
        ClockState.PAUSED: "Standing still for a reason of the process.",
        ClockState.MET: "Stopped in time.",
        ClockState.BREACHED: "The target was passed.",
        ClockState.CANCELLED: "Ended without a verdict.",
    },
)
expose(
    ClockEventKind,
    "Something that happened to a clock.",
    {
        ClockEventKind.STARTED: "A cycle began.",
        ClockEventKind.PAUSED: "It stands still from now on, or for other reasons.",
        ClockEventKind.RESUMED: "It counts again.",
        ClockEventKind.WARNED: "A set share of the target was consumed.",
        ClockEventKind.BREACHED: "The target was passed.",
        ClockEventKind.ESCALATED: "A step of the escalation chain was reached.",
        ClockEventKind.STOPPED: "What was to be done was done.",
        ClockEventKind.CANCELLED: "It ended without a verdict.",
        ClockEventKind.WITHDRAWN: "A record that came late made an earlier event untrue.",
        ClockEventKind.AMENDED: "A record that came late corrected when it stopped.",
        ClockEventKind.MIGRATED: "It goes on under another version with the time it has used, or ended with the old one.",
    },
)
expose(
    SegmentKind,
    "What a stretch of a clock's life was.",
    {
        SegmentKind.RUNNING: "Business time that counts.",
        SegmentKind.CLOSED_HOURS: "Outside the working hours of the calendar.",
        SegmentKind.PAUSED: "Paused for the reasons given.",
        SegmentKind.STOPPED: "Stopped, and resumed later in the same cycle.",
        SegmentKind.CARRIED: "Under an earlier version with another calendar, which counted it.",
    },
)
expose(
    BlockerCode,
    "Why a move is blocked. Codes never change; texts may.",
    {
        BlockerCode.WRONG_STAGE: "The transition does not lead out of the current stage.",
        BlockerCode.ROLE_NOT_ALLOWED: "The transition or approval is for other roles.",
        BlockerCode.GUARD_FAILED: "The condition of the transition does not hold.",
        BlockerCode.GUARD_NEEDS_DATA: "The condition reads data fields that have no value yet.",
        BlockerCode.GUARD_ERROR: "An expression of the definition cannot be computed.",
        BlockerCode.FIELD_REQUIRED: "A required data field has no value.",
        BlockerCode.REASON_REQUIRED: "A reason of the catalogue must be given.",
        BlockerCode.REASON_NOT_APPLICABLE: "The reason does not apply to this transition out of this stage.",
        BlockerCode.REASON_NOT_TAKEN: "The transition takes no reason.",
        BlockerCode.APPROVAL_REQUIRED: "Somebody must approve the transition first.",
        BlockerCode.APPROVAL_BY_SAME_PERSON: "The one who approved must be another person.",
        BlockerCode.OCCURRED_TOO_EARLY: "It is said to have happened before the current stage was entered.",
        BlockerCode.ALREADY_IN_STAGE: "The case is in that stage already.",
    },
)
expose(
    Role,
    "A role; what each may do is in `docs/access.md`.",
    {
        Role.ADMIN: "May do everything.",
        Role.PROCESS_OWNER: "Owns process definitions; sees all cases and figures.",
        Role.MANAGER: "Leads a team: sees, moves and assigns its cases.",
        Role.SALESPERSON: "Works on own cases and the unowned ones of the team's queue.",
        Role.ANALYST: "Reads all cases and figures, without personal data.",
        Role.CHANNEL_INTEGRATION: "A machine that reports leads and activities of its channels.",
    },
)
expose(
    Permission,
    "Something that can be permitted.",
    {
        Permission.VIEW_CASES: "See cases, deals and their history.",
        Permission.VIEW_CUSTOMERS: "See customers with their personal data.",
        Permission.VIEW_PEOPLE: "See users and teams.",
        Permission.VIEW_DEFINITIONS: "See process definitions and channels.",
        Permission.VIEW_FIGURES: "Read figures over the cases within reach.",
        Permission.CAPTURE_LEAD: "Report leads.",
        Permission.FIRE_TRANSITION: "Move cases.",
        Permission.FORCE_TRANSITION: "Put cases into a stage by force.",
        Permission.RECORD_ACTIVITY: "Record activities and approvals.",
        Permission.ASSIGN_OWNER: "Give cases to owners and teams.",
        Permission.EXCLUDE_CASE: "Leave cases out of figures.",
        Permission.DEFINE_KPIS: "Define KPIs of the company's own.",
        Permission.VIEW_REVIEWS: "Read the reviews of processes: KPIs over all cases, frozen.",
        Permission.SCHEDULE_REVIEWS: "Set how often processes are reviewed, and by whom.",
        Permission.VIEW_CORRECTIVE_ACTIONS: "See corrective actions: with the reach `TEAM` those of own teams, and own ones.",
        Permission.MANAGE_CORRECTIVE_ACTIONS: "Add, change and close corrective actions.",
        Permission.IMPORT_LEADS: "Import leads from tables.",
        Permission.IMPORT_HISTORY: "Import the history of cases from tables.",
        Permission.MANAGE_PROCESSES: "Draft, publish, retire and roll out versions of processes.",
        Permission.CHOOSE_VERSION: "Name the version of the process that a new case takes.",
        Permission.MIGRATE_CASES: "Plan, try, run and undo migrations of running cases to another version.",
    },
)
expose(
    Reach,
    "Over which cases a permission holds.",
    {
        Reach.OWN: "Own cases, and unowned ones in the queues of own teams; for an integration those of its channels.",
        Reach.TEAM: "Cases of own teams, and own ones.",
        Reach.ALL: "All cases of the company.",
    },
)
