"""Load on the upload and status routes, by Locust, which is not among the locked packages:

    uv tool run --from locust==2.47.0 locust -f tests/load/locustfile.py --host http://127.0.0.1:8080 \
        --headless -u 20 -r 5 -t 60s

JWT_SECRET_KEY has to be the service's, RATE_LIMIT_MAX_UPLOADS=0 unless the limit itself is meant. Only against a
service of your own.
"""

import os
import random
import time
import uuid
from pathlib import Path

import jwt
from locust import HttpUser, between, task

PICTURE = Path(os.environ.get("PICTURE", "photo.jpg"))
SECRET = os.environ["JWT_SECRET_KEY"]
KEPT = 20


class Shop(HttpUser):
    """A shop's backend: uploads now and then, asks often."""

    wait_time = between(0.1, 1.0)

    def on_start(self) -> None:
        """A token of its own."""
        claims = {"sub": f"shop-{uuid.uuid4()}", "exp": int(time.time()) + 86_400}
        self.client.headers["Authorization"] = f"Bearer {jwt.encode(claims, SECRET, 'HS256')}"
        self.picture = PICTURE.read_bytes()
        self.jobs: list[str] = []

    @task(1)
    def upload(self) -> None:
        """One picture, told from all others by what follows its end."""
        data = self.picture + uuid.uuid4().bytes
        form = {"bucket": "load"}
        answer = self.client.post("/api/v1/images/upload", files={"file": ("photo.jpg", data)}, data=form)
        if answer.status_code == 202:
            self.jobs = [*self.jobs[-KEPT:], answer.json()["job_id"]]

    @task(8)
    def status(self) -> None:
        """How far one of the latest is."""
        if self.jobs:
            self.client.get(f"/api/v1/images/jobs/{random.choice(self.jobs)}", name="/api/v1/images/jobs/[id]")

    @task(1)
    def result(self) -> None:
        """What it made; 409 while it runs is as good."""
        if self.jobs:
            path = f"/api/v1/images/jobs/{self.jobs[0]}/result"
            with self.client.get(path, name="/api/v1/images/jobs/[id]/result", catch_response=True) as answer:
                if answer.status_code in (200, 409):
                    answer.success()
