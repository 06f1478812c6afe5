"""Addresses of cells as people read them: letters of columns, numbers of rows from 1."""

import re

_LETTERS = re.compile(r"[A-Z]{1,3}")


def letters(column: int) -> str:
    """The letters of a column, counted from 0."""
    found = ""
    column += 1
    while column:
        column, rest = divmod(column - 1, 26)
        found = chr(65 + rest) + found
    return found


def column_of(text: str) -> int | None:
    """The column of letters, counted from 0; None for anything else."""
    upper = text.strip().upper()
    if not _LETTERS.fullmatch(upper):
        return None
    number = 0
    for letter in upper:
        number = number * 26 + ord(letter) - 64
    return number - 1


def cell(row: int, column: int) -> str:
    """The address of a cell: row from 1, column from 0."""
    return f"{letters(column)}{row}"
