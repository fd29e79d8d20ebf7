"""The queue's ends: both brokers, and what the folder does that kombu's own does not."""

import base64
import json
import threading
import time
from pathlib import Path
from queue import Empty

import pytest
from kombu import Connection

from library.broker import INGEST, QUEUE, Queue, make_celery, next_database
from library.folder_broker import Channel
from tests.conftest import free_port


def channel(folder: Path) -> Channel:
    app = make_celery("", folder)
    found = Connection(app.conf.broker_url, transport_options=app.conf.broker_transport_options).channel()
    assert isinstance(found, Channel)
    return found


@pytest.mark.parametrize(
    ("url", "queue"),
    [
        ("redis://host:6379/0", "redis://host:6379/1"),
        ("redis://host", "redis://host/1"),
        ("rediss://u:p%40@host/7?ssl_cert_reqs=required", "rediss://u:p%40@host/8?ssl_cert_reqs=required"),
    ],
)
def test_the_queue_is_in_the_next_database(url: str, queue: str) -> None:
    assert next_database(url) == queue


def test_messages_come_in_the_order_in_which_they_were_sent(tmp_path: Path) -> None:
    ours, theirs = channel(tmp_path), channel(tmp_path)
    for number in range(12):
        ours._put("q", {"n": number})
    assert [theirs._get("q")["n"] for _ in range(12)] == list(range(12))
    with pytest.raises(Empty):
        theirs._get("q")


def test_other_queues_and_drafts_are_left(tmp_path: Path) -> None:
    ours = channel(tmp_path)
    ours._put("other", {})
    Path(ours.data_folder_in, "0_0.q.msg.new").write_text("")
    with pytest.raises(Empty):
        ours._get("q")


def test_each_message_is_taken_once(tmp_path: Path) -> None:
    readers = [channel(tmp_path) for _ in range(4)]
    for number in range(200):
        readers[0]._put("q", {"n": number})
    taken: list[int] = []

    def read(reader: Channel) -> None:
        try:
            while True:
                taken.append(reader._get("q")["n"])
        except Empty:
            pass

    threads = [threading.Thread(target=read, args=[reader]) for reader in readers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == list(range(200))


async def test_a_queue_that_is_down_costs_one_slow_call_and_no_upload(tmp_path: Path) -> None:
    queue = Queue(f"redis://127.0.0.1:{free_port()}/0", tmp_path)
    assert await queue.send(INGEST, "x") is False
    before = time.monotonic()
    assert await queue.send(INGEST, "x") is False
    assert time.monotonic() - before < 0.1


async def test_what_is_sent_arrives(tmp_path: Path) -> None:
    assert await Queue("", tmp_path).send(INGEST, "one", "two")
    reader = channel(tmp_path)
    bodies = [json.loads(base64.b64decode(reader._get(QUEUE)["body"])) for _ in range(2)]
    assert [body[0] for body in bodies] == [["one"], ["two"]]
