"""ZIP packages and the XML in them, with limits: a bomb or hostile XML costs one error, no memory.

The standard library's zipfile and expat do it: text needs no library, and so there is no extra to install.
"""

import io
import zipfile
from collections.abc import Callable
from typing import Any
from xml.parsers import expat

from bbp_cli.errors import InputError

MAX_MEMBER_BYTES = 200_000_000  # unpacked
MAX_TOTAL_BYTES = 500_000_000
MAX_RATIO = 500  # of unpacked to packed bytes, where a member is not small; text packs to a tenth
_SMALL = 10_000_000  # bytes of a member whose ratio does not matter
MAX_MEMBERS = 20_000


class Package:
    """A ZIP file whose members are read whole, within the limits."""

    def __init__(self, data: bytes) -> None:
        try:
            self._zip = zipfile.ZipFile(io.BytesIO(data))
        except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError) as error:
            raise _damaged(str(error)) from error
        infos = self._zip.infolist()
        if len(infos) > MAX_MEMBERS:
            raise _bomb(f"{len(infos)} members")
        self._infos = {info.filename: info for info in infos}
        self._left = MAX_TOTAL_BYTES

    def names(self) -> list[str]:
        """Return the names of the members in the order of the file."""
        return list(self._infos)

    def __contains__(self, name: str) -> bool:
        return name in self._infos

    def read(self, name: str) -> bytes:
        """Return a member unpacked.

        Raises:
            InputError: it is missing, damaged, locked, or unpacks to more than the limits.
        """
        info = self._infos.get(name)
        if info is None:
            raise _damaged(f"{name} is missing")
        if info.flag_bits & 1:
            raise InputError(
                "the file asks for a password", hint="save it without a password", code="encrypted"
            )
        limit = min(MAX_MEMBER_BYTES, self._left)
        if info.compress_size and info.file_size > _SMALL:
            limit = min(limit, max(_SMALL, MAX_RATIO * info.compress_size))
        if info.file_size > limit:
            raise _bomb(f"{name} would take {info.file_size} bytes")
        try:
            with self._zip.open(info) as member:
                data = member.read(limit + 1)
        except (
            zipfile.BadZipFile,
            EOFError,
            OSError,
            NotImplementedError,
            RuntimeError,
            ValueError,
        ) as error:
            raise _damaged(str(error)) from error
        except Exception as error:
            if type(error).__module__ in ("zlib", "_lzma", "lzma"):  # zlib.error is a plain Exception
                raise _damaged(str(error)) from error
            raise
        if len(data) > limit:
            raise _bomb(f"{name} is larger than it says")
        self._left -= len(data)
        return data


def parse_xml(
    data: bytes,
    start: Callable[[str, dict[str, str]], None],
    end: Callable[[str], None],
    text: Callable[[str], None],
) -> None:
    """Call back for every start tag, end tag and piece of text; names are without namespace prefixes.

    Raises:
        InputError: the XML is damaged, or declares entities.
    """
    parser = expat.ParserCreate()
    parser.buffer_text = True

    def refuse_entity(*_: Any) -> None:
        raise InputError("the XML in the file declares entities, which bbp does not read", code="corrupt")

    parser.EntityDeclHandler = refuse_entity
    parser.StartElementHandler = lambda name, attributes: start(
        _local(name), {_local(key): value for key, value in attributes.items()}
    )
    parser.EndElementHandler = lambda name: end(_local(name))
    parser.CharacterDataHandler = text
    try:
        parser.Parse(data, True)
    except (expat.ExpatError, ValueError, LookupError) as error:
        raise _damaged(f"XML: {error}") from error


def _local(name: str) -> str:
    return name.rpartition(":")[2]


def _damaged(reason: str) -> InputError:
    return InputError(f"damaged file: {reason}"[:300], hint="download or copy it again", code="corrupt")


def _bomb(reason: str) -> InputError:
    return InputError(f"unpacks to more than bbp reads: {reason}"[:300], code="corrupt")
