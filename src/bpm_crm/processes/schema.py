"""The JSON Schema of process documents, exported from the typed model: `python -m bpm_crm.processes.schema` prints it.

A document that includes shared parts may leave out what they say, and takes something out of them by setting it to null: it is checked
against a copy of the model in which nothing is required and everything may be null. What both leave open is proved at publishing.
"""

import json
import sys
from collections.abc import Collection, Mapping
from typing import Any, Final

from bpm_crm.processes.document import ProcessDocument
from bpm_crm.processes.includes import MAX_INCLUDES

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
WHOLE, SHARED = "ProcessDocument", "SharedPart"

_REF: Final = "#/$defs/"
_PARTIAL: Final = "Partial"
_INCLUDE: Final = {
    "description": "Shared parts that this document is written over.",
    "items": {"type": "string"},
    "maxItems": MAX_INCLUDES,
    "type": "array",
}


def process_schema() -> dict[str, Any]:
    """The JSON Schema of a document, whole or including parts; `$defs/SharedPart` is that of a shared part."""
    model = _closed(ProcessDocument.model_json_schema(by_alias=True))
    parts = model.pop("$defs")
    mappings = [name for name, part in parts.items() if "properties" in part]
    partial = {name + _PARTIAL: _partial(parts[name], mappings) for name in mappings}
    shared = _partial(model, mappings)
    shared["properties"]["include"] = _INCLUDE
    shared |= {"title": SHARED, "description": "A part of a process, to be included by documents."}
    return {
        "$schema": DIALECT,
        "title": "Process document",
        "type": "object",
        "if": {"required": ["include"]},
        "then": {"$ref": _REF + SHARED, "required": ["process"]},
        "else": {"$ref": _REF + WHOLE},
        "$defs": {WHOLE: model, SHARED: shared, **parts, **partial},
    }


def schema_text() -> str:
    """The schema as it is published in `docs/process.schema.json`."""
    return json.dumps(process_schema(), indent=2, ensure_ascii=False) + "\n"


def _closed(schema: Any) -> Any:
    """The same schema in which keys that match no pattern are refused, as the model does."""
    if isinstance(schema, list):
        return [_closed(item) for item in schema]
    if not isinstance(schema, Mapping):
        return schema
    found = {key: _closed(value) for key, value in schema.items()}
    return {**found, "additionalProperties": False} if isinstance(found.get("patternProperties"), dict) else found


def _partial(schema: Mapping[str, Any], parts: Collection[str]) -> dict[str, Any]:
    """The schema of what is merged over another: nothing is required, everything may be null; `parts` name what has a partial form.

    Lists are replaced as a whole, so what they hold stays complete.
    """
    found = {key: value for key, value in schema.items() if key != "required"}
    for key in ("properties", "patternProperties"):
        if key in schema:
            found[key] = {name: _or_null(value, parts) for name, value in schema[key].items()}
    if isinstance(schema.get("additionalProperties"), Mapping):
        found["additionalProperties"] = _or_null(schema["additionalProperties"], parts)
    if "anyOf" in schema:
        found["anyOf"] = [_partial(form, parts) for form in schema["anyOf"]]
    if schema.get("$ref", "").removeprefix(_REF) in parts:
        found["$ref"] = schema["$ref"] + _PARTIAL
    return found


def _or_null(schema: Mapping[str, Any], parts: Collection[str]) -> dict[str, Any]:
    return {"anyOf": [_partial(schema, parts), {"type": "null"}]}


if __name__ == "__main__":
    sys.stdout.write(schema_text())
