"""A log line's bytes as safe text: what a job writes may colour its own line and do nothing else to this terminal.

Of all escape sequences only SGR (colours and weights) is kept. Hyperlinks, titles, cursor movement and clipboard writes
are dropped, other control characters become their visible pictures (``␀``), bidirectional overrides a replacement
character. Of a progress line rewritten with carriage returns the last state counts.
"""

from __future__ import annotations

import re

from rich.ansi import AnsiDecoder
from rich.text import Text

TAB = 8
# CSI … final byte; OSC, DCS, SOS, PM, APC … up to their end; any other two-byte escape.
_ESCAPE = re.compile(
    r"\x1b\[(?P<sgr>[0-9;:]*m)|\x1b\[[0-?]*[ -/]*[@-~]|\x1b[]PX^_][^\x07\x1b\n]*(?:\x07|\x1b\\)?|\x1b[ -/]*[0-~]?"
)
_CONTROLS = {code: 0x2400 + code for code in range(32) if code not in (0x09, 0x0A, 0x0D, 0x1B)}
_CONTROLS |= {0x7F: 0x2421, 0x0D: None}  # type: ignore[dict-item]
_CONTROLS |= dict.fromkeys([*range(0x80, 0xA0), *range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x2028, 0x2029], 0xFFFD)
# Looking for one of them is ten times faster than replacing none.
_CONTROL = re.compile("[" + re.escape("".join(map(chr, _CONTROLS))) + "]")
_PLAIN = bytes([0x0A, *range(0x20, 0x7F)])


def _keep_colours(match: re.Match[str]) -> str:
    codes = match["sgr"]
    return f"\x1b[{codes}" if codes else ""


def _no_escapes(text: str) -> str:
    return _ESCAPE.sub("", text) if "\x1b" in text else text


def _no_controls(text: str) -> str:
    return text.translate(_CONTROLS) if _CONTROL.search(text) else text


def _tabbed(text: str) -> str:
    """`text` with its tabs as spaces; Python would count a wide character as one column."""
    if "\t" not in text or text.isascii():
        return text.expandtabs(TAB)
    line = Text(text)
    line.expand_tabs(TAB)
    return line.plain


def last_state(line: bytes) -> bytes:
    """Of a line rewritten with carriage returns what was written last. "\\r\\n" is only an end of line."""
    return line.rstrip(b"\r").rpartition(b"\r")[2] if b"\r" in line else line


def plain(raw: bytes) -> str:
    """Whole lines as they read, without colours; as many lines as `raw` has. Tabs stay, so that searches find them."""
    if not raw.translate(None, _PLAIN):
        return raw.decode("ascii")
    if b"\r" in raw:
        # Line by line: an expression over all of them would look at each line once for each of its bytes.
        raw = b"\n".join(map(last_state, raw.split(b"\n")))
    return _no_controls(_no_escapes(raw.decode("utf-8", "replace")))


def shown(raw: bytes) -> str:
    """One line as it stands on screen, without colours: tabs are spaces, so a column here is a column there."""
    return _tabbed(plain(raw).replace("\n", ""))


def styled(raw: bytes) -> Text:
    """One line as it is drawn: its last state, with its own colours."""
    if not raw.translate(None, _PLAIN):
        return Text(raw.decode("ascii"), no_wrap=True, end="")
    text = last_state(raw.replace(b"\n", b"")).decode("utf-8", "replace")
    if "\x1b" not in text:
        return Text(_tabbed(_no_controls(text)), no_wrap=True, end="")
    # expandtabs would count the bytes of colour codes: tabs are set after they are gone from the text.
    line = AnsiDecoder().decode_line(_ESCAPE.sub(_keep_colours, text).translate(_CONTROLS))
    line.no_wrap, line.end = True, ""
    line.expand_tabs(TAB)
    return line
