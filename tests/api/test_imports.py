"""The whole way of a table through the API: sent, looked at, imported, its errors fetched, undone; and of a workbook out of it."""

import io
from collections.abc import AsyncIterator
from typing import Any

import openpyxl
import pytest

from bpm_crm.api.files import MOST_STORED
from bpm_crm.api.ids import to_global
from bpm_crm.excel.limits import LIMITS
from tests.api.client import Api
from tests.excel.desk import Desk, a_desk, xlsx

PREVIEW = """query ($input: PreviewImportInput!) { previewImport(input: $input) { __typename
  ... on UserError { code message path }
  ... on ImportPreview { format sheet rowCount columnCount headerRow dateOrder encoding delimiter repeatedHeaders mergedCells
    sheets { name isHidden } columns { column header type target } rows { row cells } targets { key title isRequired } } } }"""
JOB = "id kind status isDryRun total done accepted duplicate refused blank excluded movedOn left failure { code message cure }"
ERROR = "... on UserError { code message path }"
IMPORT = f"... on ImportAccepted {{ isRepeated job {{ {JOB} }} }}"
ACCEPTED = {
    "importLeads": IMPORT,
    "importHistory": IMPORT,
    "undoImport": f"... on UndoAccepted {{ isRepeated job {{ {JOB} }} }}",
    "exportWorkbook": "... on ExportAccepted { isRepeated job { id status } }",
}
STATUS = f"""query ($id: ID!) {{ importJob(id: $id) {{ {JOB} problems {{ row cell code message cure }}
  errorFile {{ name size path expiresAt }} }} }}"""
ROWS = [
    ["Lead list of November", None, None, None],
    ["№ заявки", "Клиент", "Телефон", "Дата"],
    ["1", "Нина", "8 916 123-45-67", "02.11.2026"],
    ["2", "Олег", "12", "03.11.2026"],
    ["3", "Пётр", 79161234569, "04.11.2026"],
]


@pytest.fixture
async def desk(api: Api) -> AsyncIterator[Desk]:
    """The worker's side of the same company."""
    async with a_desk(api.world) as found:
        yield found


def bearer(api: Api, by: str) -> dict[str, str]:
    return {"authorization": f"Bearer {api.token(by)}"}


async def send(api: Api, content: bytes, by: str = "admin", name: str = "leads.xlsx") -> str:
    answer = await api.client.post("/files", params={"name": name}, content=content, headers=bearer(api, by))
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    assert (found["name"], found["size"]) == (name, len(content))
    return str(found["id"])


async def mutate(api: Api, name: str, by: str = "admin", language: str = "en", **input_: Any) -> dict[str, Any]:
    type_ = name[0].upper() + name[1:]
    query = f"mutation ($input: {type_}Input!) {{ answer: {name}(input: $input) {{ __typename {ERROR} {ACCEPTED[name]} }} }}"
    answer = await api.ask(query, by, language, input=input_)
    assert "errors" not in answer, answer
    found: dict[str, Any] = answer["data"]["answer"]
    return found


async def status(api: Api, job_id: str, by: str = "admin") -> dict[str, Any]:
    found: dict[str, Any] = (await api.data(STATUS, by, id=job_id))["importJob"]
    return found


async def test_a_table_is_sent_looked_at_imported_and_undone(api: Api, desk: Desk) -> None:
    file = await send(api, xlsx(ROWS))
    seen = (await api.data(PREVIEW, input={"file": file, "channel": "callback-request"}))["previewImport"]
    assert (seen["format"], seen["sheet"], seen["headerRow"], seen["rowCount"], seen["columnCount"]) == (
        "xlsx",
        "Leads",
        2,
        3,
        4,
    )
    assert [(item["column"], item["type"], item["target"]) for item in seen["columns"]] == [
        ("A", "NUMBER", "externalId"),
        ("B", "TEXT", "name"),
        ("C", "TEXT", "phone"),
        ("D", "DATE", "occurredAt"),
    ]
    assert seen["rows"][0] == {"row": 3, "cells": ["1", "Нина", "8 916 123-45-67", "02.11.2026"]}
    assert {"key": "phone", "title": "Phone", "isRequired": False} in seen["targets"]
    assert "data.amount" in {target["key"] for target in seen["targets"]}

    asked = await mutate(api, "importLeads", file=file, channel="callback-request", idempotencyKey="k")
    assert (asked["__typename"], asked["isRepeated"], asked["job"]["status"]) == ("ImportAccepted", False, "WAITING")
    again = await mutate(api, "importLeads", file=file, channel="callback-request", idempotencyKey="k")
    assert (again["isRepeated"], again["job"]["id"]) == (True, asked["job"]["id"])
    other = await mutate(api, "importLeads", file=file, channel="web-form", idempotencyKey="k")
    assert other["__typename"] == "IdempotencyConflict"

    await desk.runner.drain()
    done = await status(api, asked["job"]["id"])
    assert (done["status"], done["total"], done["done"], done["accepted"], done["refused"]) == ("DONE", 3, 3, 2, 1)
    (problem,) = done["problems"]
    assert (problem["row"], problem["cell"], problem["code"]) == (4, "C4", "NOT_A_PHONE")
    assert problem["message"].startswith("“12” is no phone number")
    fetched = await api.client.get(done["errorFile"]["path"], headers=bearer(api, "admin"))
    assert fetched.status_code == 200
    assert "attachment" in fetched.headers["content-disposition"]
    assert fetched.headers["x-content-type-options"] == "nosniff"
    assert len(fetched.content) == done["errorFile"]["size"]
    sheet = openpyxl.load_workbook(io.BytesIO(fetched.content)).active
    assert sheet is not None
    assert sheet["C2"].value == "12"

    undone = await mutate(api, "undoImport", job=asked["job"]["id"])
    await desk.runner.drain()
    found = await status(api, undone["job"]["id"])
    assert (found["kind"], found["status"], found["excluded"], found["movedOn"]) == ("UNDO", "DONE", 2, 0)
    cases = (await api.data("{ processInstances { nodes { externalId exclusion } } }"))["processInstances"]["nodes"]
    assert {(case["externalId"], case["exclusion"]) for case in cases} == {("1", "undone"), ("3", "undone")}


async def test_history_is_imported(api: Api, desk: Desk) -> None:
    rows = [
        ["Deal", "Stage", "Date", "Who"],
        ["h1", "To be called", "02.11.2026 09:00", None],
        ["h1", "contact", "02.11.2026 10:00", "ann@example.org"],
        ["h2", "created", "02.11.2026 09:00", None],
        ["h2", "make_offer", "02.11.2026 10:00", "Ann Seller"],
    ]
    file = await send(api, xlsx(rows), by="owner")
    asked = await mutate(api, "importHistory", by="owner", file=file, channel="callback-request")
    await desk.runner.drain()
    done = await status(api, asked["job"]["id"], by="owner")
    assert (done["kind"], done["total"], done["accepted"], done["refused"]) == ("HISTORY", 2, 1, 1), done
    assert next((item["row"], item["code"]) for item in done["problems"]) == (5, "WRONG_STAGE")


@pytest.mark.parametrize(
    ("members", "code", "path"),
    [
        ({"channel": "nowhere"}, "UNKNOWN_CHANNEL", ["input", "channel"]),
        ({"sheet": "Nope"}, "UNKNOWN_SHEET", ["input", "sheet"]),
        ({"headerRow": 90}, "NO_HEADER", ["input", "headerRow"]),
        ({"headerRow": 0}, "NO_HEADER", ["input", "headerRow"]),
        ({"headerRow": 5}, "EMPTY_SHEET", ["input", "sheet"]),
        ({"mapping": []}, "NOTHING_MAPPED", ["input", "mapping"]),
        ({"mapping": [{"column": "ZZ", "target": "phone"}]}, "UNKNOWN_COLUMN", ["input", "mapping"]),
        ({"mapping": [{"column": "A1", "target": "phone"}]}, "UNKNOWN_COLUMN", ["input", "mapping"]),
        ({"mapping": [{"column": "A", "target": "fax"}]}, "UNKNOWN_TARGET", ["input", "mapping"]),
        ({"mapping": [{"column": "A", "target": "phone"}] * 2}, "COLUMN_TWICE", ["input", "mapping"]),
        (
            {"mapping": [{"column": "A", "target": "phone"}, {"column": "B", "target": "phone"}]},
            "TARGET_TWICE",
            ["input", "mapping"],
        ),
        ({"country": "Narnia"}, "UNKNOWN_COUNTRY", ["input", "country"]),
        ({"idempotencyKey": ""}, "WRONG_TYPE", ["input", "idempotencyKey"]),
        ({"file": "x"}, "NOT_FOUND", ["input", "file"]),
    ],
)
async def test_what_does_not_fit_is_refused_with_its_place_and_nothing_is_asked_for(
    api: Api, members: dict[str, Any], code: str, path: list[str]
) -> None:
    file = await send(api, xlsx(ROWS))
    before = await api.world.counts(("job", "process_instance"))
    answer = await mutate(api, "importLeads", **{"file": file, "channel": "callback-request", **members})
    assert (answer["code"], answer["path"]) == (code, path), answer
    assert len(answer["message"]) > 10
    assert await api.world.counts(("job", "process_instance")) == before


@pytest.mark.parametrize(
    ("content", "code"),
    [(b"%PDF-1.7 nothing", "UNKNOWN_FORMAT"), (b"PK\x03\x04 cut", "BROKEN_FILE"), (b" \n ", "EMPTY_FILE")],
)
async def test_what_is_no_table_is_told_what_it_is(api: Api, content: bytes, code: str) -> None:
    file = await send(api, content, name="leads.xlsx")
    seen = (await api.data(PREVIEW, input={"file": file, "channel": "callback-request"}))["previewImport"]
    assert (seen["code"], seen["path"]) == (code, ["input", "file"])


async def test_a_preview_is_in_the_language_of_who_asks(api: Api) -> None:
    file = await send(api, "Имя;Телефон\nНина;+79161234567\n".encode("cp1251"), name="список.csv")
    answer = await api.ask(PREVIEW, language="ru", input={"file": file, "channel": "callback-request"})
    seen = answer["data"]["previewImport"]
    assert (seen["format"], seen["encoding"], seen["delimiter"]) == ("csv", "cp1251", ";")
    assert [item["type"] for item in seen["columns"]] == ["TEXT", "PHONE"]
    assert {"key": "phone", "title": "Телефон", "isRequired": False} in seen["targets"]


async def test_files_belong_to_who_sent_them(api: Api, desk: Desk) -> None:
    file = await send(api, xlsx(ROWS))
    assert (await api.client.get(f"/files/{file}", headers=bearer(api, "admin"))).status_code == 200
    for by in ("north", "owner"):
        assert (await api.client.get(f"/files/{file}", headers=bearer(api, by))).status_code == 404
    assert (await mutate(api, "importLeads", by="north", file=file, channel="callback-request"))["code"] == "NOT_FOUND"
    asked = await mutate(api, "importLeads", file=file, channel="callback-request")
    await desk.runner.drain()
    assert await status(api, asked["job"]["id"], by="north") is None
    assert (await mutate(api, "undoImport", by="north", job=asked["job"]["id"]))["code"] == "NOT_FOUND"


async def test_who_may_not_import_may_not_send_files(api: Api) -> None:
    for by in ("ann", "analyst"):
        answer = await api.client.post("/files", content=b"x", headers=bearer(api, by))
        assert (answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) == (403, "FORBIDDEN")
    anonymous = await api.client.post("/files", content=b"x")
    assert anonymous.status_code == 401
    assert (await api.client.get("/files/x")).status_code == 401
    assert (await api.client.get("/files/x", headers=bearer(api, "admin"))).status_code == 404
    assert (await api.world.counts(("stored_file",)))["stored_file"] == 0


async def test_a_file_may_be_neither_empty_nor_too_large_nor_one_too_many(api: Api) -> None:
    empty = await api.client.post("/files", content=b"", headers=bearer(api, "admin"))
    assert empty.status_code == 400
    declared = {**bearer(api, "admin"), "content-length": str(LIMITS.file_bytes + 1)}
    large = await api.client.post("/files", content=b"x", headers=declared)
    assert large.status_code == 413
    await send(api, b"a,b\n1,2\n")
    async with api.world.owner.transaction(api.world.tenant_id) as connection:
        await connection.execute("UPDATE stored_file SET size = $1", MOST_STORED)
    full = await api.client.post("/files", content=b"x", headers=bearer(api, "admin"))
    assert (full.status_code, full.json()["errors"][0]["extensions"]["code"]) == (413, "PAYLOAD_TOO_LARGE")
    assert (await api.world.counts(("stored_file",)))["stored_file"] == 1


async def test_expired_files_go_and_with_them_what_they_said_of_people(api: Api, desk: Desk) -> None:
    file = await send(api, xlsx(ROWS))
    asked = await mutate(api, "importLeads", file=file, channel="callback-request")
    await desk.runner.drain()
    async with api.world.owner.transaction(api.world.tenant_id) as connection:
        await connection.execute("UPDATE stored_file SET expires_at = now() - interval '1 second'")
        await connection.execute("UPDATE job_row SET recorded_at = now() - interval '8 days'")
    from_now = await api.client.get(f"/files/{file}", headers=bearer(api, "admin"))
    assert from_now.status_code == 404
    done = await status(api, asked["job"]["id"])
    assert done["errorFile"] is None
    async with desk.worker.across_tenants() as connection:
        assert await connection.fetchval("SELECT forget_files(now(), now() - interval '7 days')") == 2
    assert (await status(api, asked["job"]["id"]))["problems"] == []
    assert (await api.world.counts(("stored_file",)))["stored_file"] == 0
    expired = await mutate(api, "importLeads", file=file, channel="callback-request")
    assert expired["code"] == "NOT_FOUND"


EXPORT = "query ($id: ID!) { exportJob(id: $id) { id status total done failure { code } file { name size path } } }"


async def test_a_workbook_is_asked_for_made_and_fetched(api: Api, desk: Desk) -> None:
    file = await send(api, xlsx(ROWS))
    await mutate(api, "importLeads", file=file, channel="callback-request")
    await desk.runner.drain()
    where = {"region": {"isNull": True}, "startedAt": {"gte": "2026-11-01T00:00:00Z"}}
    asked = await mutate(api, "exportWorkbook", process="callback-request", groupBy=["CHANNEL"], where=where)
    assert asked["__typename"] == "ExportAccepted", asked
    await desk.runner.drain()
    done = (await api.data(EXPORT, id=asked["job"]["id"]))["exportJob"]
    assert (done["status"], done["total"], done["done"], done["failure"]) == ("DONE", 2, 2, None)
    content = (await api.client.get(done["file"]["path"], headers=bearer(api, "admin"))).content
    book = openpyxl.load_workbook(io.BytesIO(content), data_only=True)
    funnel = await api.data(
        'query ($where: FactWhere) { funnel(input: {process: "callback-request", where: $where}) { total { steps { reached } } } }',
        where=where,
    )
    reached = [step["reached"] for step in funnel["funnel"]["total"]["steps"]]
    assert [book["Funnel"].cell(6 + place, 5).value for place in range(len(reached))] == reached
    assert reached[0] == 2
    assert (await api.data(EXPORT, by="north", id=asked["job"]["id"]))["exportJob"] is None
    node = await api.data("query ($id: ID!) { node(id: $id) { __typename id } }", id=asked["job"]["id"])
    assert node["node"]["__typename"] == "ExportJob"


async def test_an_export_of_an_unknown_process_is_refused(api: Api) -> None:
    answer = await mutate(api, "exportWorkbook", process="nope")
    assert (answer["code"], answer["path"]) == ("UNKNOWN_PROCESS", ["input", "process"])
    assert (await api.world.counts(("job",)))["job"] == 0


@pytest.mark.parametrize(
    ("kpis", "code", "known"),
    [
        (["win_rate_close"], "UNKNOWN_KPI", "win_rate_closed"),
        ([f"k{number}" for number in range(101)], "TOO_LARGE", None),
    ],
)
async def test_an_export_of_kpis_that_are_not_there_is_refused(
    api: Api, kpis: list[str], code: str, known: str | None
) -> None:
    answer = await mutate(api, "exportWorkbook", process="callback-request", kpis=kpis)
    assert (answer["code"], answer["path"]) == (code, ["input", "kpis"])
    assert known is None or known in answer["message"]
    assert (await api.world.counts(("job",)))["job"] == 0


async def test_segments_that_only_kpis_have_are_refused_when_asked_for(api: Api) -> None:
    answer = await api.ask(
        'mutation { exportWorkbook(input: {process: "callback-request", groupBy: [MONTH]}) { __typename } }', "admin"
    )
    assert "MONTH" in answer["errors"][0]["message"]
    assert (await api.world.counts(("job",)))["job"] == 0


async def test_kpis_of_an_export_are_those_the_api_answers(api: Api, desk: Desk) -> None:
    """The same numbers for the same instant, though the API looks at all processes and filters."""
    file = await send(api, xlsx(ROWS))
    await mutate(api, "importLeads", file=file, channel="callback-request")
    await desk.runner.drain()
    at = "2026-11-20T00:00:00Z"
    keys = ["new_cases", "win_rate_cohort", "open_cases"]
    asked = await mutate(
        api, "exportWorkbook", process="callback-request", kpis=keys, asOf=at, knownAt="2999-01-01T00:00:00Z"
    )
    await desk.runner.drain()
    done = (await api.data(EXPORT, id=asked["job"]["id"]))["exportJob"]
    content = (await api.client.get(done["file"]["path"], headers=bearer(api, "admin"))).content
    sheet = openpyxl.load_workbook(io.BytesIO(content), data_only=True)["KPIs"]
    rows = {row[14]: row for row in sheet.iter_rows(min_row=6, values_only=True)}
    assert list(rows) == keys
    query = """query ($key: String!, $at: DateTime!) {
      kpi(key: $key, period: {}, asOf: $at, knownAt: "2999-01-01T00:00:00Z", where: {process: {eq: "callback-request"}}) {
        definition { title } total { value numerator denominator } } }"""
    for key, row in rows.items():
        found = (await api.data(query, key=key, at=at))["kpi"]
        assert row[0] == found["definition"]["title"]
        answered = [found["total"][name] for name in ("value", "numerator", "denominator")]
        assert list(row[4:7]) == [None if number is None else float(number) for number in answered], key
    assert rows["new_cases"][4] == 2


async def test_every_filter_of_figures_is_kept_with_an_export(api: Api, desk: Desk) -> None:
    """A column that is not in the list of those allowed would make the job fail."""
    user = to_global("User", api.world.founded.users["ann@example.org"])
    case = to_global("ProcessInstance", api.world.founded.users["ann@example.org"])
    where = {
        "and": [{"id": {"in": [case]}}, {"not": {"owner": {"eq": user}}}],
        "or": [{"process": {"eq": "x"}}, {"version": {"gte": 1}}, {"channel": {"ne": "web-form"}}],
        "campaign": {"isNull": True},
        "region": {"contains": "u"},
        "team": {"in": ["north"]},
        "stage": {"startsWith": "n"},
        "status": {"in": ["RUNNING"]},
        "lossReason": {"isNull": True},
        "startedAt": {"lt": "2999-01-01T00:00:00Z"},
    }
    asked = await mutate(api, "exportWorkbook", process="callback-request", where=where)
    await desk.runner.drain()
    done = (await api.data(EXPORT, id=asked["job"]["id"]))["exportJob"]
    assert (done["status"], done["failure"]) == ("DONE", None)
