import hashlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from wsss.errors import UserError
from wsss.fetch.download import Remote, fetch

DATA = bytes(range(256)) * 12000


class Server(ThreadingHTTPServer):
    """Serves `data` under any name; `cut` = bytes after which each connection ends."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.data, self.ranges, self.cut, self.status, self.asked = DATA, True, None, 200, []

    def remote(self, data=DATA):
        url = f"http://127.0.0.1:{self.server_port}/files/a.tar"
        return Remote(url, hashlib.md5(data).hexdigest(), "dataset.root")


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        asked = self.headers.get("Range")
        self.server.asked.append(asked)
        start = int(asked[6:-1]) if asked and self.server.ranges else 0
        size = len(self.server.data)
        if self.server.status != 200:
            return self.send_error(self.server.status)
        if start >= size:
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{size}")
            return self.end_headers()
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(size - start))
        # some servers call an archive compressed content; it must arrive as it is
        self.send_header("Content-Encoding", "x-gzip")
        self.end_headers()
        self.wfile.write(self.server.data[start:][: self.server.cut])

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    with Server() as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.shutdown()


def part(folder, data):
    (folder / "a.tar.part").write_bytes(data)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_file_arrives_whole_and_alone(server, tmp_path):
    assert fetch(server.remote(), tmp_path / "new").read_bytes() == DATA
    assert names(tmp_path / "new") == ["a.tar"]


def test_a_file_that_is_there_is_not_asked_for(server, tmp_path):
    (tmp_path / "a.tar").write_bytes(DATA)
    fetch(server.remote(), tmp_path)
    assert server.asked == []


def test_a_later_call_goes_on_where_the_first_stopped(server, tmp_path):
    part(tmp_path, DATA[:1000])
    assert fetch(server.remote(), tmp_path).read_bytes() == DATA
    assert server.asked == ["bytes=1000-"] and names(tmp_path) == ["a.tar"]


def test_a_server_without_ranges_starts_again(server, tmp_path):
    server.ranges = False
    part(tmp_path, b"x" * 1000)
    assert fetch(server.remote(), tmp_path).read_bytes() == DATA


def test_a_broken_connection_is_taken_up_as_long_as_something_arrives(server, tmp_path):
    server.cut = len(DATA) // 8
    assert fetch(server.remote(), tmp_path, patience=0).read_bytes() == DATA
    assert len(server.asked) == 8


def test_what_arrived_is_kept_when_patience_ends(server, tmp_path):
    server.cut = 0
    part(tmp_path, DATA[:1000])
    with pytest.raises(UserError, match=r"same command to resume.*by hand.*set dataset\.root"):
        fetch(server.remote(), tmp_path, patience=0)
    assert len(server.asked) == 5 and names(tmp_path) == ["a.tar.part"]
    assert (tmp_path / "a.tar.part").read_bytes() == DATA[:1000]


def test_a_part_that_was_complete_is_taken(server, tmp_path):
    part(tmp_path, DATA)
    assert fetch(server.remote(), tmp_path).read_bytes() == DATA


def test_a_part_longer_than_the_file_is_thrown_away(server, tmp_path):
    part(tmp_path, DATA + b"x")
    assert fetch(server.remote(), tmp_path).read_bytes() == DATA


def test_a_wrong_checksum_leaves_nothing(server, tmp_path):
    part(tmp_path, b"x" * 1000)
    with pytest.raises(UserError, match="wrong checksum") as error:
        fetch(server.remote(), tmp_path)
    assert names(tmp_path) == [] and "\n" not in str(error.value)
    assert fetch(server.remote(), tmp_path).read_bytes() == DATA


def test_a_file_of_the_user_is_replaced_by_a_whole_one_only(server, tmp_path):
    (tmp_path / "a.tar").write_bytes(DATA[:99])
    server.status = 404
    with pytest.raises(UserError, match="answers 404"):
        fetch(server.remote(), tmp_path)
    assert (tmp_path / "a.tar").read_bytes() == DATA[:99]
    server.status = 200
    assert fetch(server.remote(), tmp_path).read_bytes() == DATA


def test_no_network_is_reported_in_one_line(tmp_path):
    remote = Remote("http://127.0.0.1:9/a.tar", "0" * 32, "dataset.root")
    with pytest.raises(UserError, match=r"cannot be reached.*by hand") as error:
        fetch(remote, tmp_path, patience=0)
    assert "\n" not in str(error.value) and str(tmp_path / "a.tar") in str(error.value)


def test_a_full_disk_is_reported(server, tmp_path):
    (tmp_path / "a.tar.part").symlink_to("/dev/full")
    with pytest.raises(UserError, match=r"a\.tar: cannot be written .*No space.*free space"):
        fetch(server.remote(), tmp_path)
