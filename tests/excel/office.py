"""LibreOffice as somebody else's spreadsheet: it computes a workbook anew, and shows it as pages."""

import io
import re
import shutil
import subprocess
import warnings
import zipfile
from pathlib import Path

import openpyxl
import pytest
from openpyxl.workbook import Workbook

SECONDS = 240
_KEPT = re.compile(rb"(<c [^>]*?)( t=\"str\")?([^>]*>)(<f[^>]*>.*?</f>|<f[^>]*/>)<v>[^<]*</v>", re.DOTALL)


def program() -> str:
    """The program, or a reason to skip."""
    found = shutil.which("soffice") or shutil.which("libreoffice")
    if found is None:
        pytest.skip("LibreOffice is not installed (Debian: libreoffice-calc-nogui)")
    return found


def forgotten(content: bytes) -> bytes:
    """The same workbook without the values kept beside its formulas, so that they can only be computed."""
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as new:
        for part in old.infolist():
            text = old.read(part)
            if part.filename.startswith("xl/worksheets/"):
                text = _KEPT.sub(rb"\1\3\4", text)
            new.writestr(part, text)
    return made.getvalue()


def converted(content: bytes, folder: Path, kind: str = "xlsx") -> Path:
    """What the program makes of a workbook."""
    source = folder / "in" / "book.xlsx"
    source.parent.mkdir(parents=True, exist_ok=True)
    source.write_bytes(content)
    home = f"-env:UserInstallation=file://{folder}/profile"
    command = [program(), home, "--headless", "--convert-to", kind, "--outdir", str(folder / "out"), str(source)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    found = folder / "out" / f"book.{kind.split(':')[0]}"
    assert found.is_file(), done.stderr
    return found


def computed(content: bytes, folder: Path) -> Workbook:
    """A workbook with every formula computed by LibreOffice."""
    found = converted(forgotten(content), folder)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # openpyxl does not read the charts that LibreOffice writes
        return openpyxl.load_workbook(found, data_only=True)
