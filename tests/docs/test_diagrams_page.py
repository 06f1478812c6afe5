"""The page on pictures and BPMN: its queries run, its lists are complete, its commands exist."""

from typing import Any

from bpm_crm.api.diagram_types import DiagramFormat, DiagramOverlay
from bpm_crm.exchange.bpmn.findings import Weight
from bpm_crm.exchange.bpmn.names import CEL, CRM
from bpm_crm.exchange.bpmn.xml_reader import MAX_BYTES, MAX_DEPTH, MAX_ELEMENTS
from tests.api.client import Api
from tests.docs.pages import ROOT, blocks, tables
from tests.exchange.bpmn_files import a_file, line_of

PAGE = ROOT / "docs/diagrams-and-bpmn.md"
CAPTURE = 'mutation { captureLead(input: {channel: "callback-request"}) { ... on LeadCaptured { instance { id } } } }'


async def test_the_queries_of_the_page_are_answered(api: Api) -> None:
    counts, path, import_ = (block.text for block in blocks(PAGE, "graphql"))
    case = (await api.data(CAPTURE))["captureLead"]["instance"]["id"]
    drawn = (await api.data(counts))["processDefinition"]["diagram"]
    assert (drawn["mediaType"], drawn["version"], "1 now" in drawn["text"]) == ("image/svg+xml", 1, True)
    assert "Нужно перезвонить" in (await api.data(path, case=case))["processDefinition"]["diagram"]["text"]
    found: dict[str, Any] = (await api.data(import_, input={"document": a_file(*line_of("a"))}))["importBpmn"]
    assert found["drafts"][0]["document"]
    refused = (await api.data(import_, input={"document": "<!DOCTYPE x><x/>"}))["importBpmn"]
    assert refused["code"] == "BPMN_INVALID"


def test_every_format_overlay_weight_and_limit_is_told() -> None:
    rows = tables(PAGE, "Pictures")
    assert {row[0] for row in rows} >= {*DiagramFormat.__members__, *DiagramOverlay.__members__}
    text = PAGE.read_text(encoding="utf-8")
    assert all(f"`{weight.name}`" in text for weight in Weight)
    for said in (f"{MAX_BYTES // 2**20} MiB", f"{MAX_DEPTH} deep", f"{MAX_ELEMENTS:,} elements", CRM, CEL):
        assert said in text
