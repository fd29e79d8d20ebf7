"""Workers that come late, die, are ended: no job is lost, none is done twice."""

import asyncio
import os
import signal
import subprocess
import time
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path

import httpx
import pytest
from sqlalchemy import select, update

from library.database import Database
from library.tables import Asset, Job, UploadEvent, now
from tests.conftest import ROOT, free_port
from tests.helpers import encode, photo
from tests.library.house import SECRET, House, opened, token, wait_for

API_KEY = "k" * 32


def settings_of(request: pytest.FixtureRequest, url: str) -> dict[str, str]:
    """SQLite with the queue in a folder, PostgreSQL with the one in Redis."""
    redis = "" if url.startswith("sqlite") else request.getfixturevalue("redis_server")
    return {"DATABASE_URL": url, "REDIS_URL": redis, "IMAGE_SIZES": '{"medium": 600, "large": 1200}'}


async def let_time_pass(url: str) -> None:
    """Every lease ends now."""
    database, past = Database(url), now() - timedelta(seconds=1)
    async with database.writing() as session:
        await session.execute(update(Job).values(claimed_until=past, due_at=past))
        await session.execute(update(Asset).values(claimed_until=past))
    await database.close()


async def events(url: str) -> Counter[tuple[str, str]]:
    database = Database(url)
    async with database.reading() as session:
        found = (await session.scalars(select(UploadEvent))).all()
    await database.close()
    return Counter((event.job_id, event.event) for event in found)


def uploaded(house: House, count: int) -> list[str]:
    answers = [house.upload(encode(photo(1200, 900, seed=seed), "JPEG")) for seed in range(count)]
    assert {answer.status_code for answer in answers} == {202}
    return [answer.json()["job_id"] for answer in answers]


def test_a_killed_workers_jobs_are_done_once(request: pytest.FixtureRequest, database_url: str, tmp_path: Path) -> None:
    with opened(tmp_path, **settings_of(request, database_url)) as house:
        jobs = uploaded(house, 4)
        worker = house.hire()
        wait_for(lambda: "processing" in {house.get(f"/images/jobs/{job}").json()["status"] for job in jobs})
        worker.kill()
        worker.wait()
        asyncio.run(let_time_pass(database_url))
        house.hire()
        assert {house.finished(job)["status"] for job in jobs} == {"completed"}
        images = [house.get(f"/images/jobs/{job}").json()["image_id"] for job in jobs]
        assert {house.get(f"/images/{image}/all").status_code for image in images} == {200}
        seen = asyncio.run(events(database_url))
        assert [seen[job, "completed"] for job in jobs] == [1] * 4
        assert max(seen[job, "processing_started"] for job in jobs) == 2
        wait_for(lambda: not [path for path in house.folder.rglob("staging/*") if path.is_file()])


def test_without_a_worker_uploads_wait_and_health_says_so(tmp_path: Path) -> None:
    with opened(tmp_path, RATE_LIMIT_MAX_UPLOADS="2", API_KEY=API_KEY) as house:
        answers = [house.upload(encode(photo(64, 48, seed=seed), "JPEG")) for seed in range(3)]
        assert [answer.status_code for answer in answers] == [202, 202, 429]
        for left, answer in zip((1, 0, 0), answers, strict=True):
            assert answer.headers["x-ratelimit-limit"] == "2"
            assert answer.headers["x-ratelimit-remaining"] == str(left)
            resets = datetime.fromisoformat(answer.headers["x-ratelimit-reset"])
            assert 3500 < resets.timestamp() - time.time() < 3700
        assert int(answers[2].headers["retry-after"]) > 3000
        assert house.upload(encode(photo(64, 48), "JPEG"), "bob").status_code == 202

        told = house.client.get("/health").json()
        assert (told["status"], told["checks"]["workers"]) == ("degraded", "down")
        job = answers[0].json()["job_id"]
        assert house.get(f"/images/jobs/{job}").json()["status"] == "pending"
        early = house.get(f"/images/jobs/{job}/result")
        assert (early.status_code, early.json()["code"]) == (409, "not_finished")
        assert int(early.headers["retry-after"]) > 0

        key = {"X-API-Key": API_KEY}
        assert house.client.get(f"/images/jobs/{job}", headers=key).status_code == 401
        service = str(house.client.base_url.join("/optimize"))
        bearer = {"Authorization": f"Bearer {token()}"}
        assert httpx.post(service, content=b"x", headers=bearer, trust_env=False).status_code == 401

        worker = house.hire()
        assert house.finished(job)["status"] == "completed"
        wait_for(lambda: house.client.get("/health").json()["status"] == "ok")
        worker.terminate()
        assert worker.wait(timeout=20) == 0
        assert house.client.get("/health").json()["checks"]["workers"] == "down"


def test_a_worker_that_is_ended_gives_back_what_takes_too_long(tmp_path: Path) -> None:
    with opened(tmp_path, GRACEFUL_SHUTDOWN_TIMEOUT="1", IMAGE_SIZES='{"large": 3000}') as house:
        job = house.upload(encode(photo(3000, 2200), "JPEG")).json()["job_id"]
        worker = house.hire()
        wait_for(lambda: house.get(f"/images/jobs/{job}").json()["status"] == "processing")
        worker.terminate()
        assert worker.wait(timeout=20) == 0
        told = house.get(f"/images/jobs/{job}").json()
        assert (told["status"], told["attempts"]) == ("pending", 0)
        house.hire()
        assert house.finished(job)["status"] == "completed"


def test_without_a_secret_the_library_says_why(tmp_path: Path) -> None:
    with opened(tmp_path, JWT_SECRET_KEY="") as house:
        answer = house.upload(b"x")
        assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
        assert "JWT_SECRET_KEY" in answer.json()["detail"] and int(answer.headers["retry-after"]) > 0
        assert house.client.get("/health").status_code == 200


def test_one_command_starts_both_and_ends_both(tmp_path: Path) -> None:
    port = free_port()
    env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "DATA_DIR": str(tmp_path), "TMPDIR": str(tmp_path)}
    log = (tmp_path / "run.log").open("wb")
    run = subprocess.Popen(
        ["scripts/run.sh"], cwd=ROOT, env={**env, "PORT": str(port)}, stdout=log, stderr=log, start_new_session=True
    )
    try:
        base = f"http://127.0.0.1:{port}/api/v1"
        with httpx.Client(base_url=base, trust_env=False, transport=httpx.HTTPTransport(retries=0)) as client:

            def healthy() -> bool:
                assert run.poll() is None, (tmp_path / "run.log").read_text()
                try:
                    return bool(client.get("/health").json()["status"] == "ok")
                except httpx.TransportError:
                    return False

            wait_for(healthy)
            program = [ROOT / ".venv" / "bin" / "python", "-m", "scripts.token", "me"]
            made = subprocess.run(program, cwd=ROOT, env=env, capture_output=True, text=True, check=True)
            headers = {"Authorization": f"Bearer {made.stdout.strip()}"}
            files = {"file": encode(photo(64, 48), "JPEG")}
            job = client.post("/images/upload", headers=headers, files=files).json()["job_id"]
            wait_for(lambda: client.get(f"/images/jobs/{job}", headers=headers).json()["status"] == "completed")
            assert client.get(f"/images/jobs/{job}", headers={"Authorization": f"Bearer {token()}"}).status_code == 401
        assert members(run.pid) > 2
        run.send_signal(signal.SIGTERM)
        assert run.wait(timeout=40) == 0, (tmp_path / "run.log").read_text()
        assert members(run.pid) == 0
        assert SECRET not in (tmp_path / "run.log").read_text()
        assert "scripts.token" in (tmp_path / "run.log").read_text()
    finally:
        log.close()
        run.kill()
        run.wait()


def members(group: int) -> int:
    """Processes of a process group."""
    count = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            count += int(stat.read_text().rpartition(")")[2].split()[2]) == group
        except (OSError, IndexError):
            continue
    return count
