"""Finds the line of every key in a TOML text that the standard library has already accepted."""

from __future__ import annotations

from typing import Final

Path = tuple[str | int, ...]
_BARE_END: Final = frozenset(" \t=.]\n,}")
_SCALAR_END: Final = frozenset(",]}#\n")


class _Walker:
    """Walks valid TOML; it trusts the text, so that it can stay short."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.lines: dict[Path, int] = {}
        self._arrays: dict[Path, int] = {}

    def walk(self) -> dict[Path, int]:
        table: Path = ()
        while self._skip_blank():
            if self.text.startswith("[[", self.at):
                table = self._header(2)
            elif self.text[self.at] == "[":
                table = self._header(1)
            else:
                self._pair(table)
        return self.lines

    def _header(self, brackets: int) -> Path:
        self.at += brackets
        path = self._resolve(self._key("]"), last_is_array=brackets == 2)
        self._mark(path)
        self.at += brackets
        return path

    def _resolve(self, keys: list[str], *, last_is_array: bool) -> Path:
        """Insert the index of the newest element after each array of tables on the way."""
        path: Path = ()
        for position, key in enumerate(keys):
            path = (*path, key)
            is_last = position == len(keys) - 1
            if is_last and last_is_array:
                self._mark(path)
                self._arrays[path] = self._arrays.get(path, -1) + 1
            if path in self._arrays:
                path = (*path, self._arrays[path])
        return path

    def _pair(self, table: Path) -> None:
        start = self.at
        keys = self._key("=")
        line = self.text.count("\n", 0, start) + 1
        path = table
        for key in keys:
            path = (*path, key)
            self.lines.setdefault(path, line)
        self.at += 1
        self._value(path)

    def _key(self, end: str) -> list[str]:
        keys = []
        while self._skip_spaces() != end:
            if self.text[self.at] == ".":
                self.at += 1
            elif self.text[self.at] in "\"'":
                keys.append(self._string())
            else:
                start = self.at
                while self.text[self.at] not in _BARE_END:
                    self.at += 1
                keys.append(self.text[start : self.at])
        return keys

    def _value(self, path: Path) -> None:
        opening = self._skip_spaces()
        if opening in "\"'":
            self._string()
        elif opening == "[":
            self._array(path)
        elif opening == "{":
            self._inline_table(path)
        else:
            while self.at < len(self.text) and self.text[self.at] not in _SCALAR_END:
                self.at += 1

    def _array(self, path: Path) -> None:
        self.at += 1
        index = 0
        while self._skip_blank(also=",") and self.text[self.at] != "]":
            self._mark((*path, index))
            self._value((*path, index))
            index += 1
        self.at += 1

    def _inline_table(self, path: Path) -> None:
        self.at += 1
        while self._skip_blank(also=",") and self.text[self.at] != "}":
            self._pair(path)
        self.at += 1

    def _string(self) -> str:
        quote = self.text[self.at]
        fence = quote * 3 if self.text.startswith(quote * 3, self.at) else quote
        start = self.at = self.at + len(fence)
        while not self.text.startswith(fence, self.at):
            self.at += 2 if quote == '"' and self.text[self.at] == "\\" else 1
        found = self.text[start : self.at]
        self.at += len(fence)
        while len(fence) == 3 and self.text.startswith(quote, self.at):
            self.at += 1
        return found

    def _skip_spaces(self) -> str:
        while self.text[self.at] in " \t":
            self.at += 1
        return self.text[self.at]

    def _skip_blank(self, also: str = "") -> bool:
        while self.at < len(self.text):
            if self.text[self.at] == "#":
                newline = self.text.find("\n", self.at)
                self.at = len(self.text) if newline < 0 else newline
            elif self.text[self.at] in " \t\r\n" + also:
                self.at += 1
            else:
                return True
        return False

    def _mark(self, path: Path) -> None:
        self.lines.setdefault(path, self.text.count("\n", 0, self.at) + 1)


def lines_of(text: str) -> dict[Path, int]:
    """Give the line, from 1, of every table, key and array element by its path."""
    return _Walker(text).walk()
