"""Base64 (RFC 4648, section 4) in pieces, with or without the head of a data: URL."""

import binascii
import re

_WHITE_SPACE = b" \t\r\n"
_FOREIGN = re.compile(rb"[^A-Za-z0-9+/]")
_DATA_URL = b"data:"
_NO_HEAD = "is a data: URL without base64: it should begin like data:image/png;base64,"
_MAX_HEAD = 256


class NotBase64(ValueError):
    """Says what is wrong, and at which character."""


class Base64Decoder:
    """Bytes of text in, bytes out. Line breaks and spaces are passed over, nothing else is."""

    def __init__(self) -> None:
        self._head: bytes | None = b""  # None once it is known that there is no more of it
        self._held = b""  # up to four characters of which more must be known
        self._place = 0  # characters taken before those held

    def feed(self, text: bytes) -> bytes:
        """The bytes that are certain by now. Raises NotBase64."""
        text = self._without_head(text)
        data = self._held + text.translate(None, _WHITE_SPACE)
        # The last group may be padded, and which is the last is known at the end.
        return self._decode(data, max(0, (len(data) - 1) // 4 * 4))

    def end(self) -> bytes:
        """The last bytes. Raises NotBase64, also for a text that is cut off."""
        if self._head:
            head, self._head = self._head, None
            if _is_data_url(head):
                raise NotBase64(_NO_HEAD)
            return self.feed(head) + self.end()
        data = self._held
        if len(data) % 4:
            place = self._place + len(data)
            raise NotBase64(f"is cut off after {place:,} characters of base64: their number is no multiple of 4")
        padding = len(data) - len(data.rstrip(b"="))
        filled = data[: len(data) - padding] + b"A" * padding
        decoded = self._decode(filled, len(filled)) if padding < 3 else self._decode(data, len(data))
        return decoded[: len(decoded) - padding]

    def _decode(self, data: bytes, length: int) -> bytes:
        try:
            decoded = binascii.a2b_base64(data[:length], strict_mode=True)
        except binascii.Error:
            decoded = None
        if decoded is None or len(decoded) != length // 4 * 3:  # padding in the middle, or what is foreign
            wrong = _FOREIGN.search(data, 0, length)
            assert wrong is not None
            place = self._place + wrong.start() + 1
            raise NotBase64(f"is no base64: character {place:,} of it is {wrong[0].decode('latin-1')!r}")
        self._held = data[length:]
        self._place += length
        return decoded

    def _without_head(self, text: bytes) -> bytes:
        """Take away `data:image/png;base64,`."""
        if self._head is None:
            return text
        head = self._head + text
        if len(head) < len(_DATA_URL) and _DATA_URL.startswith(head.lower()):
            self._head = head
            return b""
        if not _is_data_url(head):
            self._head = None
            return head
        comma = head.find(b",")
        if comma < 0 and len(head) <= _MAX_HEAD:
            self._head = head
            return b""
        if not head[: max(comma, 0)].lower().endswith(b";base64"):
            raise NotBase64(_NO_HEAD)
        self._head = None
        return head[comma + 1 :]


def _is_data_url(text: bytes) -> bool:
    return text[: len(_DATA_URL)].lower() == _DATA_URL  # schemes have no case (RFC 3986, section 3.1)
