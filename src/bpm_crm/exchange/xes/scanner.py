"""The XML parser, made safe: no DTD, no entities, bounded depth, names and tokens, and every fault with its place."""

from collections.abc import Callable
from xml.parsers.expat import ErrorString, ExpatError, errors

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser

from bpm_crm.exchange.xes.faults import XesCode, XesInvalid
from bpm_crm.exchange.xes.limits import Limits

NAMESPACE_SEPARATOR = "}"
_INDEX_MASK = 0xFFFF_FFFF  # the parser's index is 32 bits wide on some platforms and wraps in a document of gigabytes
_ENCODING_FAULTS = {
    errors.codes[errors.XML_ERROR_UNKNOWN_ENCODING]: XesCode.UNSUPPORTED_ENCODING,
    errors.codes[errors.XML_ERROR_INCORRECT_ENCODING]: XesCode.UNSUPPORTED_ENCODING,
}

Start = Callable[[str, dict[str, str]], None]
End = Callable[[str], None]


class Scanner:
    """Feeds a document to `start` and `end`; names of a namespace arrive as `uri}local`.

    `where` names the part of the log that is open, for the faults found here. `fed` counts the bytes of the unpacked document.
    """

    def __init__(self, start: Start, end: End, where: Callable[[], str], limits: Limits) -> None:
        self._start, self._end, self._where, self._limits = start, end, where, limits
        self._skipped = 0
        self._has_root = False
        self.fed = 0
        self._expat = DefusedXMLParser(forbid_dtd=True).parser
        self._expat.ordered_attributes = False
        self._expat.StartNamespaceDeclHandler = _count_name
        self._expat.DefaultHandlerExpand = None
        self._expat.CharacterDataHandler = None
        self._expat.CommentHandler = None
        self._expat.ProcessingInstructionHandler = None
        self._listen(self._start_root, end)

    @property
    def line(self) -> int:
        """The line of the tag at hand, from 1."""
        return int(self._expat.CurrentLineNumber)

    def feed(self, data: bytes) -> None:
        """Read on; raises `XesInvalid`."""
        self.fed += len(data)
        self._parse(data, last=False)
        if (self.fed - self._expat.CurrentByteIndex) & _INDEX_MASK > self._limits.token_bytes:
            raise self.fault(
                XesCode.VALUE_TOO_LONG, f"one tag or comment is longer than {self._limits.token_bytes:,} bytes"
            )
        if len(self._expat.intern) > self._limits.names:
            raise self.fault(
                XesCode.TOO_MANY_NAMES, f"there are more than {self._limits.names:,} names of XML elements"
            )

    def close(self) -> None:
        """The document is at its end; raises `XesInvalid` when it is not whole."""
        if not self.fed:
            raise XesInvalid(XesCode.EMPTY_FILE, "the file is empty")
        self._parse(b"", last=True)

    def skip(self) -> None:
        """Called for a tag that opens: pass over its element and all that is inside."""
        self._skipped = 1
        self._listen(self._skip_start, self._skip_end)

    def fault(self, code: XesCode, message: str) -> XesInvalid:
        """A fault at the tag at hand."""
        return XesInvalid(
            code, message, line=self.line, column=int(self._expat.CurrentColumnNumber) + 1, where=self._where()
        )

    def _parse(self, data: bytes, *, last: bool) -> None:
        try:
            self._expat.Parse(data, last)
        except ExpatError as error:
            raise self._ill_formed(error, last=last) from error
        except DefusedXmlException as error:
            raise self.fault(XesCode.DTD_FORBIDDEN, "the document declares a DTD or an entity") from error
        except (LookupError, ValueError) as error:
            if self._has_root:
                raise
            raise self.fault(XesCode.UNSUPPORTED_ENCODING, f"the declared encoding cannot be read ({error})") from error

    def _ill_formed(self, error: ExpatError, *, last: bool) -> XesInvalid:
        message = f"the document ends too early ({ErrorString(error.code)})" if last else ErrorString(error.code)
        code = XesCode.TRUNCATED if last else _ENCODING_FAULTS.get(error.code, XesCode.NOT_XML)
        return XesInvalid(code, message, line=error.lineno, column=error.offset + 1, where=self._where())

    def _listen(self, start: Start, end: End) -> None:
        self._expat.StartElementHandler = start
        self._expat.EndElementHandler = end

    def _start_root(self, tag: str, given: dict[str, str]) -> None:
        self._has_root = True
        self._listen(self._start, self._end)
        self._start(tag, given)

    def _skip_start(self, _tag: str, _given: dict[str, str]) -> None:
        self._skipped += 1
        if self._skipped > self._limits.depth:
            raise self.fault(XesCode.TOO_DEEP, f"elements are nested more than {self._limits.depth} deep")

    def _skip_end(self, _tag: str) -> None:
        self._skipped -= 1
        if not self._skipped:
            self._listen(self._start, self._end)


def _count_name(_prefix: str | None, _uri: str) -> None:
    """Listen to declared namespaces: the parser counts their names among `intern` only when somebody does."""
