"""The e-mails that AWS would have sent. They are kept in a file, and none of them leaves the machine."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from local.paths import LOCAL

#: The file of this clone's stack.
PATH = LOCAL / "aws" / "inbox.jsonl"


@dataclass(frozen=True, kw_only=True)
class Mail:
    """An e-mail."""

    time: str
    """When it was sent, in UTC (ISO 8601)."""
    sender: str
    recipient: str
    subject: str
    text: str

    def __str__(self) -> str:
        head = f"{self.time}\nFrom: {self.sender}\nTo: {self.recipient}\nSubject: {self.subject}"
        return f"{head}\n\n{self.text}\n"


def add(mail: Mail, path: Path) -> None:
    """Appends an e-mail to an inbox."""
    with path.open("a") as file:
        file.write(json.dumps(asdict(mail)) + "\n")


def mails(path: Path | None = None) -> Iterator[Mail]:
    """Yields the e-mails of an inbox, the oldest first. There are none if the file does not exist.

    Args:
        path: the file. None: that of this clone's stack.
    """
    path = path or PATH
    if path.exists():
        for line in path.read_text().splitlines():
            yield Mail(**json.loads(line))
