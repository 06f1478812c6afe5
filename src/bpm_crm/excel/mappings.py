"""Which column of a table is mapped to what: as its headers suggest it, or as somebody says."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bpm_crm.excel.addresses import column_of, letters
from bpm_crm.excel.problems import TableCode, TableRefused
from bpm_crm.excel.targets import Target, plain_header


@dataclass(frozen=True, slots=True)
class Mapped:
    """A column (counted from 0) and what it is mapped to."""

    column: int
    target: str


def proposed(headers: Sequence[str | None], targets: Iterable[Target]) -> tuple[Mapped, ...]:
    """The mapping that headers suggest: each column to one target and each target once, exact names before beginnings."""
    plain = [plain_header(text) if text else "" for text in headers]
    found: dict[str, int] = {}
    for is_exact in (True, False):
        for target in targets:
            if target.key in found:
                continue
            names = (
                plain_header(target.key),
                plain_header(target.title.en),
                plain_header(target.title.ru),
                *target.headers,
            )
            taken = set(found.values())
            matches = (
                column
                for column, header in enumerate(plain)
                if header and column not in taken and _is_called(header, names, is_exact=is_exact)
            )
            column = next(matches, None)
            if column is not None:
                found[target.key] = column
    return tuple(sorted((Mapped(column, key) for key, column in found.items()), key=lambda item: item.column))


def _is_called(header: str, names: Sequence[str], *, is_exact: bool) -> bool:
    if is_exact:
        return header in names
    return any(len(name) > 3 and header.startswith(f"{name} ") for name in names)


def checked_mapping(pairs: Iterable[tuple[str, str]], targets: Sequence[Target], width: int) -> tuple[Mapped, ...]:
    """A mapping of column letters to targets; `TableRefused` for one that cannot be."""
    known = [target.key for target in targets]
    found: dict[str, int] = {}
    for name, target in pairs:
        column = column_of(name)
        if column is None or column >= width:
            last = letters(max(width - 1, 0))
            raise TableRefused(TableCode.UNKNOWN_COLUMN, column=name[:20], first="A", last=last)
        if target not in known:
            raise TableRefused(TableCode.UNKNOWN_TARGET, target=target[:60], known=", ".join(known))
        if column in found.values():
            raise TableRefused(TableCode.COLUMN_TWICE, column=letters(column))
        if target in found:
            first = letters(found[target])
            raise TableRefused(TableCode.TARGET_TWICE, first=first, second=letters(column), target=target)
        found[target] = column
    return required(tuple(Mapped(column, target) for target, column in found.items()), targets)


def required(mapping: tuple[Mapped, ...], targets: Sequence[Target]) -> tuple[Mapped, ...]:
    """The same mapping; `TableRefused` for one without a target that is needed, or without any."""
    if not mapping:
        raise TableRefused(TableCode.NOTHING_MAPPED)
    mapped = {item.target for item in mapping}
    for target in targets:
        if target.is_required and target.key not in mapped:
            raise TableRefused(TableCode.TARGET_MISSING, target=target.key)
    return mapping
