"""The shipped process library: finds the documents beside this file and resolves them for publishing."""

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from pathlib import Path
from time import perf_counter
from typing import Any, Final

import orjson

from bpm_crm.engine.definition import ProcessDefinition
from bpm_crm.engine.problems import DefinitionInvalid
from bpm_crm.engine.soundness.certificate import Certificate
from bpm_crm.engine.soundness.certify import certify
from bpm_crm.processes.definitions import data_of, parse_document, restore
from bpm_crm.processes.document import ProcessDocument
from bpm_crm.processes.holiday_expansion import with_holidays
from bpm_crm.processes.includes import resolve_includes
from bpm_crm.processes.yaml_reader import located, read_yaml

FOLDER = Path(__file__).parent
PROOFS_KEPT: Final = 64


@dataclass(frozen=True, slots=True)
class ResolvedProcess:
    """A document that stands alone, in its typed and in its engine form, with the certificate of its soundness.

    `origin` is the digest of the shipped document of its key, where its text says the same.
    """

    document: ProcessDocument
    definition: ProcessDefinition
    certificate: Certificate
    origin: str | None = None

    @property
    def data(self) -> dict[str, Any]:
        """The document as plain JSON data: what is stored, hashed and returned."""
        return data_of(self.document)


def shipped_keys() -> tuple[str, ...]:
    """The keys of the processes in the library."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.yaml")))


def shipped_text(key: str) -> str:
    """The text of a shipped document; `KeyError` for a key that is not in the library."""
    if key not in shipped_keys():
        raise KeyError(key)
    return (FOLDER / f"{key}.yaml").read_text(encoding="utf-8")


def origin_of(key: str, text: str) -> str | None:
    """The digest of the shipped document of that key, where this readable text says the same; comments and notation do not count.

    Public holidays are left out, so that the same document has one origin in every year.
    """
    return _origin(key, resolve_includes(read_yaml(text).data, shared_parts()))


@cache
def shipped_origin(key: str) -> str:
    """The digest of a shipped document with its shared parts."""
    return _digest(resolve_includes(read_yaml(shipped_text(key)).data, shared_parts()))


def _origin(key: str, data: Any) -> str | None:
    shipped = shipped_origin(key) if key in shipped_keys() else None
    return shipped if shipped == _digest(data) else None


def _digest(data: Any) -> str:
    return hashlib.sha256(orjson.dumps(data)).hexdigest()


@cache
def shared_parts() -> Mapping[str, Mapping[str, Any]]:
    """The shared parts by the name that `include` uses."""
    return {
        path.stem: read_yaml(path.read_text(encoding="utf-8")).data
        for path in sorted((FOLDER / "shared").glob("*.yaml"))
    }


def read_document(text: str) -> ProcessDocument:
    """A document with its shared parts, as far as it can be read: nothing is proved. `DefinitionInvalid` where it does not fit."""
    source = read_yaml(text)
    try:
        return parse_document(resolve_includes(source.data, shared_parts()))
    except DefinitionInvalid as error:
        raise DefinitionInvalid(located(error.problems, source)) from error


def resolve(text: str, *, years: range, roles: Collection[str]) -> ResolvedProcess:
    """Read, complete and check a document: includes resolved, public holidays of `years` written out, soundness proved.

    `DefinitionInvalid` carries every problem with its path and line.
    """
    source = read_yaml(text)
    try:
        data = resolve_includes(source.data, shared_parts())
        found = resolve_data(data, years=years, roles=roles)
        return replace(found, origin=_origin(found.definition.key, data))
    except DefinitionInvalid as error:
        raise DefinitionInvalid(located(error.problems, source)) from error


def resolve_data(data: Mapping[str, Any], *, years: range, roles: Collection[str]) -> ResolvedProcess:
    """Complete and check a document that is plain data and stands alone; `DefinitionInvalid` carries every problem, without lines."""
    document = with_holidays(parse_document(data), years)
    definition, certificate = _proved(orjson.dumps(data_of(document)), frozenset(roles))
    if not certificate.is_sound:
        raise DefinitionInvalid(certificate.problems)
    return ResolvedProcess(document, definition, certificate)


@lru_cache(PROOFS_KEPT)
def _proved(document: bytes, roles: frozenset[str]) -> tuple[ProcessDefinition, Certificate]:
    """A document's definition and certificate, proved once: a draft is validated, tried and published with the same text."""
    definition = restore(orjson.loads(document))
    began = perf_counter()
    certificate = certify(definition, roles)
    return definition, certificate.taking(round((perf_counter() - began) * 1000))
