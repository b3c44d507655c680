"""Downloads that resume after interruptions and are verified by checksum."""

import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pooch
import requests
from urllib3.exceptions import HTTPError

from wsss.errors import UserError
from wsss.io.atomic import unwritable
from wsss.io.progress import log, track

_MIB = 1 << 20
_TIMEOUT = (30, 60)
_ATTEMPTS = 5
_NETWORK = (requests.RequestException, HTTPError)


@dataclass(frozen=True)
class Remote:
    """A file on a server.

    Attributes:
        url: its address.
        md5: its MD5 checksum.
        instead: configuration keys that make the download unnecessary.
    """

    url: str
    md5: str
    instead: str

    @property
    def name(self) -> str:
        """Name of the file."""
        return self.url.rpartition("/")[2]


def fetch(remote: Remote, folder: Path, patience: float = 5.0) -> Path:
    """Download a file unless it exists with the right checksum.

    A partial download stays in `<name>.part`, from which the next attempt or the next call resumes
    if the server supports it; the final name only ever belongs to a verified file.

    Args:
        remote: the file.
        folder: target folder.
        patience: seconds between two attempts.

    Returns:
        The path of the file.

    Raises:
        UserError: the server cannot be reached or refuses, the connection breaks again and again,
            the checksum is wrong, or the folder cannot be written.
    """
    pooch.get_logger().setLevel(logging.WARNING)
    target = folder / remote.name
    downloader = _Resuming(target.with_name(f"{target.name}.part"), patience)
    try:
        pooch.retrieve(remote.url, f"md5:{remote.md5}", target.name, folder, downloader=downloader)
    except _NETWORK as error:
        raise UserError(f"{remote.url}: {_reason(error)}; {_remedy(remote, target)}") from error
    except OSError as error:
        raise unwritable(target, error) from error
    except ValueError as error:
        text = "wrong checksum, deleted; run the same command again"
        raise UserError(f"{remote.url}: {text}, or {_remedy(remote, target)}") from error
    return target


def _reason(error: Exception) -> str:
    if isinstance(error, requests.HTTPError):
        return f"the server answers {error.response.status_code} {error.response.reason}"
    if isinstance(error, requests.ConnectionError | requests.Timeout):
        return "cannot be reached, or does not answer"
    return "the connection broke; re-run the same command to resume"


def _remedy(remote: Remote, target: Path) -> str:
    return f"fetch it by hand (md5 {remote.md5}) and put it at {target}, or set {remote.instead}"


class _Resuming:
    """Downloader for pooch that requests only the bytes missing in `part`."""

    def __init__(self, part: Path, patience: float) -> None:
        self._part, self._patience = part, patience

    def __call__(self, url: str, output_file: str, _: object) -> None:
        most, left = self._size(), _ATTEMPTS
        while True:
            try:
                self._continue(url)
                break
            except _NETWORK as error:
                # the number of attempts restarts with every chunk received
                left = left - 1 if self._size() <= most else _ATTEMPTS
                most = max(most, self._size())
                if not left or isinstance(error, requests.HTTPError):
                    raise
                log.warning("%s: interrupted (%s); retrying", url, type(error).__name__)
                time.sleep(self._patience)
        self._part.replace(output_file)

    def _size(self) -> int:
        return self._part.stat().st_size if self._part.exists() else 0

    def _continue(self, url: str) -> None:
        """Append the missing bytes to the part; start over if the server sends the whole file."""
        have = self._size()
        # no compression in transit: the checksum is that of the stored file
        headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
        with requests.get(url, headers=headers, stream=True, timeout=_TIMEOUT) as answer:
            if have and answer.status_code == requests.codes.requested_range_not_satisfiable:
                if _whole_size(answer) != have:
                    self._part.unlink()
                    self._continue(url)
                return
            answer.raise_for_status()
            start = have if answer.status_code == requests.codes.partial_content else 0
            with self._part.open("r+b" if start else "wb") as file:
                file.seek(start)
                file.writelines(_chunks(answer, self._part.stem, start))


def _whole_size(answer: requests.Response) -> int | None:
    """Size of the file in bytes, from `Content-Range: bytes */size`."""
    size = answer.headers.get("Content-Range", "").rpartition("/")[2]
    return int(size) if size.isdigit() else None


def _chunks(answer: requests.Response, name: str, start: int) -> Iterator[bytes]:
    size = answer.headers.get("Content-Length")
    total = -(-int(size) // _MIB) if size else None
    if start:
        log.info("fetch %s: resumed at %d MiB", name, start // _MIB)
    chunks = answer.raw.stream(_MIB, decode_content=False)
    yield from track(chunks, f"fetch {name} (MiB)", total)
