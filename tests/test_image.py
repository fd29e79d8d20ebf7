"""The image and its compose file give the service as few rights as it can live with."""

import re

import pytest

from config import ROOT

COMPOSE = (ROOT / "docker-compose.yml").read_text()
ALL = re.split(r"(?m)^  (?=[\w-]+:$)", COMPOSE[COMPOSE.index("services:") : COMPOSE.index("\nvolumes:")])[1:]
SERVICES = [service for service in ALL if "profiles:" not in service]
"""What runs where nothing else is asked for; profiles bring emulators for trying out."""


def test_the_image_runs_as_nobody_in_particular() -> None:
    final = (ROOT / "Dockerfile").read_text().split("\nFROM ")[-1]
    assert re.findall(r"(?m)^USER (.*)$", final) == ["10001:10001"]
    assert "chown" not in final, "what runs belongs to root, so that the service cannot change it"


@pytest.mark.parametrize("service", SERVICES, ids=lambda text: text.split(":")[0])
@pytest.mark.parametrize("right", ["read_only: true", "cap_drop: [ALL]", "- no-new-privileges:true", "mem_limit: "])
def test_every_container_is_hardened(service: str, right: str) -> None:
    assert right in service


def test_what_has_to_be_written_has_a_place() -> None:
    assert "tmpfs:\n      - /tmp" in SERVICES[0] and "data:/data" in SERVICES[0]


def test_secrets_do_not_go_into_the_image() -> None:
    listed = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if not line.startswith("#")]
    assert listed[0] == "*", "only what is named goes in"
    assert not [line for line in listed if re.match(r"!\.?(env|data|git|\*$|\.)", line)]
