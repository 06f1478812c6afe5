"""Messages in the caller's language: every code has a text in both, the texts fill in, and the codes never change."""

import ast
import re
import string
from collections.abc import Iterator, Mapping
from enum import Enum
from pathlib import Path

import pytest

from bpm_crm.api import errors
from bpm_crm.api._negotiation import preferred_language
from bpm_crm.api.faults import STATUS, Code
from bpm_crm.engine import problems, wording
from bpm_crm.engine.blockers import Blocker, BlockerCode, InputCode, InputProblem
from bpm_crm.engine.definition import Title
from bpm_crm.engine.problems import ProblemCode
from bpm_crm.engine.wording import LANGUAGES
from tests.api.stage import Stage

CODES: Mapping[type[Enum], str] = {
    Code: """BAD_REQUEST BAD_USER_INPUT DEADLINE_EXCEEDED FORBIDDEN GRAPHQL_PARSE_FAILED GRAPHQL_VALIDATION_FAILED INTERNAL
        METHOD_NOT_ALLOWED NOT_ACCEPTABLE OVERLOADED PAYLOAD_TOO_LARGE QUERY_TOO_COMPLEX UNAUTHENTICATED UNAVAILABLE
        UNSUPPORTED_MEDIA_TYPE""",
    BlockerCode: """ALREADY_IN_STAGE APPROVAL_BY_SAME_PERSON APPROVAL_REQUIRED FIELD_REQUIRED GUARD_ERROR GUARD_FAILED
        GUARD_NEEDS_DATA OCCURRED_TOO_EARLY REASON_NOT_APPLICABLE REASON_NOT_TAKEN REASON_REQUIRED ROLE_NOT_ALLOWED WRONG_STAGE""",
    InputCode: """IN_THE_FUTURE NOT_EVERY_MONTH OUT_OF_RANGE TOO_EARLY TOO_LARGE TOO_LATE UNKNOWN_KPI UNKNOWN_REVIEW TOO_LONG TOO_SMALL UNKNOWN_ACTIVITY UNKNOWN_CAMPAIGN UNKNOWN_CHANNEL
        UNKNOWN_CHECKPOINT UNKNOWN_EXCLUSION UNKNOWN_FIELD UNKNOWN_OPTION UNKNOWN_PROCESS UNKNOWN_REASON UNKNOWN_STAGE UNKNOWN_TEAM
        UNKNOWN_TRANSITION UNKNOWN_USER WRONG_TYPE OTHER_PROCESS PROCESS_RETIRED SAME_VERSION UNKNOWN_CLOCK UNKNOWN_VERSION WRONG_KEY ONE_OF
        KEY_TWICE CLOCK_TAKEN STAGE_ENDS""",
    ProblemCode: """BINDING_PERSONAL BINDING_TWICE BINDING_TYPE CALENDAR_INVALID CHECKPOINT_UNREACHABLE CHOICE_WITHOUT_OPTIONS CLOCK_NEVER_STARTS
        CLOCK_NEVER_STOPS CLOCK_WITHOUT_TARGET DEAD_END DURATION_INVALID EXPRESSION_INVALID FUNNEL_ORDER_TWICE LOSS_WITHOUT_REASON
        NO_INITIAL NO_REASON_APPLIES PAUSE_UNCLEAR RANGE_EMPTY RESERVED_NAME SEVERAL_INITIAL SHADOWED_TRANSITION SHAPE SYNTAX
        UNKNOWN_PART UNKNOWN_REFERENCE UNREACHABLE_STAGE WARNING_AFTER_TARGET ALTERNATIVES_INCOMPLETE ALTERNATIVES_OVERLAP FIELD_UNFILLABLE
        FUNNEL_ORDER_REVERSED NO_WAY_OUT STAGE_NEVER_ENTERED STAGE_WITHOUT_CLOCK TOO_MANY_PARTS TRANSITION_NEVER_FIRES""",
}
"""Every code there is. Clients rely on them: a code may be added here, none may go or change."""
REFUSALS = """CORRECTIVE_ACTION_CLOSED IDEMPOTENCY_CONFLICT KPI_DOES_NOT_DECOMPOSE LEAD_ALREADY_CAPTURED NOT_FOUND
    STALE_CORRECTIVE_ACTION STALE_INSTANCE TRANSITION_REFUSED INVALID_DOCUMENT PROCESS_DRAFT_GONE ROLLOUT_RUNS
    STALE_PROCESS_DRAFT STALE_PROCESS_VERSION STALE_MIGRATION_PLAN"""
"""The codes of the refusals that are not of an input."""


@pytest.mark.parametrize("enum", CODES)
def test_codes_never_change(enum: type[Enum]) -> None:
    assert {code.value for code in enum} == set(CODES[enum].split())
    assert all(code.name == code.value for code in enum)


def test_codes_of_refusals_never_change() -> None:
    assert set(errors._TEXTS) == set(REFUSALS.split())


def test_every_fault_has_a_status() -> None:
    assert set(STATUS) == set(Code)


TEXTS: dict[str, Title] = {
    **{f"{code}.message": texts[0] for code, texts in wording._BLOCKERS.items()},
    **{f"{code}.unblock": texts[1] for code, texts in wording._BLOCKERS.items()},
    **{str(code): text for code, text in wording._INPUTS.items()},
    **{str(code): text for code, text in problems.TEXTS.items()},
    **{code: Title(*texts) for code, texts in errors._TEXTS.items()},
}


def test_every_code_has_its_texts() -> None:
    assert set(wording._BLOCKERS) == set(BlockerCode)
    assert set(wording._INPUTS) == set(InputCode)
    assert set(problems.TEXTS) == set(ProblemCode)


@pytest.mark.parametrize("code", TEXTS)
def test_both_texts_of_a_code_say_the_same(code: str) -> None:
    """In their own letters, with the same values filled in."""
    text = TEXTS[code]
    names = [sorted({name for _, name, _, _ in string.Formatter().parse(said) if name}) for said in (text.en, text.ru)]
    assert names[0] == names[1]
    if text.en != "{fault}":
        assert re.search("[A-Za-z]{3}", text.en)
        assert re.search("[а-яё]{3}", text.ru, re.IGNORECASE)
        assert not re.search("[а-яё]", text.en, re.IGNORECASE)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_text_can_be_filled_in(language: str) -> None:
    class Anything(dict[str, str]):
        def __missing__(self, key: str) -> str:
            return f"<{key}>"

    for code in BlockerCode:
        blocker = Blocker(code, params=Anything(), field="f", guard="g")
        texts = [text.in_language(language).format_map(Anything()) for text in wording._BLOCKERS[code]]
        assert all(texts), blocker
    for input_code in InputCode:
        problem = InputProblem(
            input_code, ("p",), "v", ("k",), dict.fromkeys(("expected", "limit", "first", "last"), "x")
        )
        assert "{" not in wording.input_message(problem, language)


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "en"),
        ("ru", "ru"),
        ("RU-ru", "ru"),
        ("en;q=0.4, ru;q=0.5", "ru"),
        ("ru;q=0.4, en;q=0.5", "en"),
        ("de, fr;q=0.9", "en"),
        ("de, ru;q=0.1", "ru"),
        ("ru;q=0", "en"),
        ("en;q=0, *", "ru"),
        ("*", "en"),
        ("*;q=0.5, ru;q=0.4", "en"),
        ("ru-RU;q=0.8, en-GB;q=0.7, en;q=0.9", "en"),
        ("ru;q=nonsense, en;q=0.1", "en"),
        ("ru;q=2, en;q=0.1", "en"),
        (",;q=1,,ru", "ru"),
        ("ru" * 5_000, "en"),
    ],
)
def test_the_language_liked_best_is_spoken(header: str, language: str) -> None:
    assert preferred_language(header.encode(), LANGUAGES) == language


REFUSED = {
    "NOT_FOUND": 'fireTransition(input: {instance: {dealKey: "D-1"}, transition: "contact"})',
    "UNKNOWN_TRANSITION": 'fireTransition(input: {instance: {id: "%s"}, transition: "fly"})',
    "STALE_INSTANCE": 'fireTransition(input: {instance: {id: "%s"}, transition: "contact", expectedSequence: 0})',
    "TRANSITION_REFUSED": 'fireTransition(input: {instance: {id: "%s"}, transition: "deliver"})',
    "UNKNOWN_CHANNEL": 'captureLead(input: {channel: "moon"})',
    "UNKNOWN_USER": 'assignOwner(input: {instance: {id: "%s"}, owner: "x"})',
}


@pytest.mark.parametrize("code", REFUSED)
async def test_a_refusal_is_told_in_the_language_asked_for_under_the_same_code(stage: Stage, code: str) -> None:
    field = REFUSED[code].replace("%s", stage.own.nodes["ProcessInstance"])
    query = f"mutation {{ answer: {field} {{ ... on UserError {{ code message }} }} }}"
    told = {}
    for language in ("en", "ru", "en;q=0.1, ru;q=0.2", "en;q=0.2, ru;q=0.1", "de"):
        answer = (await stage.ask("admin", query, language=language))["data"]["answer"]
        assert answer["code"] == code
        told[language] = answer["message"]
    assert told["en"] == told["en;q=0.2, ru;q=0.1"] == told["de"]
    assert told["ru"] == told["en;q=0.1, ru;q=0.2"]
    assert re.search("[а-яё]{3}", told["ru"], re.IGNORECASE)
    assert not re.search("[а-яё]", told["en"], re.IGNORECASE)


FAULTS = {
    "FORBIDDEN": (
        "ann",
        '{ previewKpi(kpi: {key: "x", process: "x", kind: COUNT, title: {en: "x", ru: "x"}, meaning: {en: "x", ru: "x"}, better: LOWER}, period: {}) { __typename } }',
    ),
    "UNAUTHENTICATED": (None, "{ viewer { name } }"),
    "QUERY_TOO_COMPLEX": (
        "admin",
        "{ deals(first: 200) { nodes { instances(first: 200) { nodes { history(first: 200) { nodes { sequence } } } } } } }",
    ),
    "BAD_USER_INPUT paging": ("admin", "{ deals(first: 2000) { totalCount } }"),
    "BAD_USER_INPUT both ends": ("admin", "{ deals(first: 1, last: 1) { totalCount } }"),
    "BAD_USER_INPUT cursor": ("admin", '{ deals(after: "x") { totalCount } }'),
    "BAD_USER_INPUT process": ("admin", '{ funnel(input: {process: "moon"}) { mode } }'),
    "BAD_USER_INPUT dimension": (
        "admin",
        '{ kpi(key: "open_cases", period: {}, groupBy: [MONTH]) { total { value } } }',
    ),
    "BAD_USER_INPUT series": ("admin", '{ kpi(key: "sales", period: {}) { series(by: DAY) { key } } }'),
    "BAD_REQUEST": ("admin", "query a { viewer { name } } query b { viewer { name } }"),
}


@pytest.mark.parametrize("name", FAULTS)
async def test_a_fault_is_told_in_the_language_asked_for_under_the_same_code(stage: Stage, name: str) -> None:
    by, query = FAULTS[name]
    told = {}
    for language in ("en", "ru"):
        answer = await stage.api.ask(query, by=by, language=language)
        (error,) = answer["errors"]
        assert error["extensions"]["code"] == name.split()[0]
        told[language] = (error["message"], {**error["extensions"], "requestId": ""})
    assert told["en"][1] == told["ru"][1], "nothing but the message differs"
    assert re.search("[а-яё]", told["ru"][0], re.IGNORECASE)
    assert not re.search("[а-яё]", told["en"][0], re.IGNORECASE)


async def test_faults_of_downloads_are_told_in_the_language_asked_for(stage: Stage) -> None:
    headers = {"authorization": f"Bearer {stage.api.token('admin')}", "accept-language": "ru"}
    log = await stage.api.client.get("/event-logs/moon", headers=headers)
    assert "Процесса «moon» нет" in log.json()["errors"][0]["message"]
    link = await stage.api.client.get("/files/x?signature=x", headers={"accept-language": "ru"})
    assert "запросите `link` файла снова" in link.json()["errors"][0]["message"]


def titles() -> Iterator[tuple[str, ast.expr, ast.expr]]:
    """Every pair of texts that is written in the API, with its place."""
    for path in sorted(Path(errors.__file__).parent.glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Title" and len(node.args) == 2:
                yield f"{path.name}:{node.lineno}", node.args[0], node.args[1]


def said(text: ast.expr) -> tuple[str, list[str]]:
    """The letters of a text, and what is put into it."""
    letters = "".join(str(part.value) for part in ast.walk(text) if isinstance(part, ast.Constant))
    values = [ast.unparse(part.value) for part in ast.walk(text) if isinstance(part, ast.FormattedValue)]
    return letters, sorted({value.replace(".ru", ".en") for value in values})


def test_both_texts_of_a_fault_say_the_same() -> None:
    pairs = [(place, said(english), said(russian)) for place, english, russian in titles()]
    assert len(pairs) > 70
    for place, (english, put_in), (russian, put_into_russian) in pairs:
        assert put_in == put_into_russian, place
        assert not re.search("[а-яё]", english, re.IGNORECASE), place
        if re.search("[a-z]{3}", english):
            assert re.search("[а-яё]", russian, re.IGNORECASE), place
