"""The workflow document, field by field, and its JSON Schema as a file for editors."""

import json
from typing import Any

from auraos.app.installed import load_installed
from auraos.documents.schemas import workflow_schema
from markdown import Page, block, page, table
from schema_words import fields

TITLE = "Workflow documents"
FRONT = "schemas/workflow.md"
SUMMARY = "every field of a workflow file, and its JSON Schema for editors."
FILE = "schemas/workflow-v1.json"

HEAD = ("field", "type", "required", "default", "meaning")
PARTS = {
    "settings": "Settings of a workflow",
    "step": "Fields of a step",
    "retry": "Retry",
    "verify": "Verify",
    "undo": "Undo",
    "cache": "Cache",
    "test": "Test cases",
    "layout": "Layout",
}
"""The definitions of the schema that people write, and what they are called here."""


def pages() -> list[Page]:
    """Return the page of the workflow document and the file of its schema."""
    schema = workflow_schema(load_installed().catalogue)
    definitions = schema["$defs"]
    spec = {**schema["properties"]["spec"], "$defs": definitions}
    parts = [_part(title, {**definitions[name], "$defs": definitions}) for name, title in PARTS.items()]
    front = page(
        FRONT,
        TITLE,
        "A document has the fields below; what it does stands in `spec`. The same as [JSON Schema](workflow-v1.json), with"
        " the settings of every installed step type: an editor that knows it completes and checks while you type. Name"
        " it on the first line of a file:",
        block("yaml", "# yaml-language-server: $schema=workflow-v1.json"),
        "A schema cannot say everything; `auraos check` does.",
        _part("Document", {**schema, "properties": {**schema["properties"], "spec": _short(spec)}}),
        _part("Spec", spec),
        *parts,
    )
    return [front, Page(FILE, json.dumps(schema, indent=1, ensure_ascii=False) + "\n")]


def _part(title: str, schema: dict[str, Any]) -> str:
    rows = [row for row in fields(schema) if "." not in row[0]]
    return f"## {title}\n\n{table(HEAD, rows)}"


def _short(spec: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "description": spec.get("description", "What it does; see below.")}
