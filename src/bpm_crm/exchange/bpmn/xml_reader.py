"""Reads XML into a tree with the line of every element: no DTD, no entities, bounded size, depth and number of elements."""

from dataclasses import dataclass, field
from typing import Final
from xml.parsers.expat import ErrorString, ExpatError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser

from bpm_crm.engine.definition import Title

MAX_BYTES: Final = 5 * 1024 * 1024
MAX_DEPTH: Final = 100
MAX_ELEMENTS: Final = 50_000
"""Elements and attributes together."""
MAX_PIECE: Final = 512 * 1024
"""Bytes of one tag, or of the text between two."""

_SEPARATOR: Final = "}"

_TOO_LONG: Final = Title(
    f"it is longer than {MAX_BYTES // 1024 // 1024} MiB; divide it",
    f"он длиннее {MAX_BYTES // 1024 // 1024} МиБ; разделите его",
)
_TOO_DEEP: Final = Title(
    f"elements are nested more than {MAX_DEPTH} deep; flatten them",
    f"вложенность элементов больше {MAX_DEPTH}; упростите его",
)
_TOO_MANY: Final = Title(
    f"there are more than {MAX_ELEMENTS} elements and attributes; divide it",
    f"в нём больше {MAX_ELEMENTS} элементов и атрибутов; разделите его",
)
_LONG_PIECE: Final = Title(
    f"one tag or text is longer than {MAX_PIECE // 1024} KiB; shorten it",
    f"один тег или текст длиннее {MAX_PIECE // 1024} КиБ; сократите его",
)
_DTD: Final = Title(
    "it declares a DTD or an entity; BPMN needs none, remove the DOCTYPE",
    "он объявляет DTD или сущность; в BPMN они не нужны, уберите DOCTYPE",
)
_ENCODING: Final = Title(
    "its encoding cannot be read; save it as UTF-8", "его кодировка не читается; сохраните файл в UTF-8"
)
_EMPTY: Final = Title("it is empty; export it again", "он пуст; выгрузите его снова")


class BpmnInvalid(Exception):
    """A file that cannot be read as BPMN: why, with the cure, and the line (from 1; 0 where no line is at fault)."""

    def __init__(self, fault: Title, line: int = 0) -> None:
        self.fault = fault
        self.line = line
        super().__init__(self.text())

    def text(self, language: str = "en") -> str:
        """What is wrong and what would cure it."""
        words = Title("The file cannot be read{place}: {fault}.", "Файл не читается{place}: {fault}.")
        place = Title(f" (line {self.line})", f" (строка {self.line})").in_language(language) if self.line else ""
        return words.in_language(language).format(place=place, fault=self.fault.in_language(language))


@dataclass(slots=True)
class Node:
    """An element as read: namespace, local name, attributes (`namespace}name` where they have one), children, text, line."""

    space: str
    name: str
    attributes: dict[str, str]
    line: int
    children: list["Node"] = field(default_factory=list)
    text: str = ""

    def get(self, name: str) -> str:
        """An attribute without a namespace; empty where it is missing."""
        return self.attributes.get(name, "")

    def all(self, space: str, name: str) -> list["Node"]:
        """The children of that name."""
        return [child for child in self.children if (child.space, child.name) == (space, name)]


def read_xml(content: bytes | str) -> Node:
    """The root element of a document; `BpmnInvalid` for what is no XML, or more than anybody needs.

    A text counts as what it is, whatever encoding it declares.
    """
    is_text = isinstance(content, str)
    data = content.encode(errors="surrogatepass") if isinstance(content, str) else content
    if len(data) > MAX_BYTES:
        raise BpmnInvalid(_TOO_LONG)
    if not data.strip():
        raise BpmnInvalid(_EMPTY)
    if max(map(len, data.split(b"<"))) > MAX_PIECE:
        raise BpmnInvalid(_LONG_PIECE)
    reader = _Reader("utf-8" if is_text else None)
    try:
        reader.expat.Parse(data, True)
    except DefusedXmlException as error:
        raise BpmnInvalid(_DTD, int(reader.expat.CurrentLineNumber)) from error
    except ExpatError as error:
        said = ErrorString(error.code)
        raise BpmnInvalid(_ill_formed(said), error.lineno) from error
    except (LookupError, ValueError) as error:
        raise BpmnInvalid(_ENCODING, 1) from error
    return reader.root


class _Reader:
    def __init__(self, encoding: str | None) -> None:
        self.expat = DefusedXMLParser(encoding=encoding, forbid_dtd=True).parser
        self.expat.DefaultHandlerExpand = None
        self.expat.CommentHandler = None
        self.expat.ProcessingInstructionHandler = None
        self.expat.ordered_attributes = False
        self.expat.buffer_text = True
        self.expat.StartElementHandler = self._start
        self.expat.EndElementHandler = self._end
        self.expat.CharacterDataHandler = self._text
        self._open: list[Node] = []
        self._count = 0
        self._root: Node | None = None

    @property
    def root(self) -> Node:
        """The root element; a document that was parsed has one."""
        if self._root is None:
            raise BpmnInvalid(_EMPTY)
        return self._root

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        line = int(self.expat.CurrentLineNumber)
        self._count += 1 + len(attributes)
        if self._count > MAX_ELEMENTS:
            raise BpmnInvalid(_TOO_MANY, line)
        if len(self._open) >= MAX_DEPTH:
            raise BpmnInvalid(_TOO_DEEP, line)
        space, _, local = name.rpartition(_SEPARATOR)
        node = Node(space, local, attributes, line)
        if self._open:
            self._open[-1].children.append(node)
        else:
            self._root = node
        self._open.append(node)

    def _end(self, _name: str) -> None:
        self._open.pop()

    def _text(self, text: str) -> None:
        self._open[-1].text += text


def _ill_formed(said: str) -> Title:
    return Title(f"it is no well-formed XML ({said}); export it again", f"это не XML ({said}); выгрузите файл снова")
