"""The image and its compose file give the service as few rights as it can live with."""

import re

import pytest
import yaml

from config import ROOT

COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES = {name: service for name, service in COMPOSE["services"].items() if "profiles" not in service}
"""What runs where nothing else is asked for; profiles bring emulators for trying out."""


def test_the_image_runs_as_nobody_in_particular() -> None:
    final = (ROOT / "Dockerfile").read_text().split("\nFROM ")[-1]
    assert re.findall(r"(?m)^USER (.*)$", final) == ["10001:10001"]
    assert "chown" not in final, "what runs belongs to root, so that the service cannot change it"


@pytest.mark.parametrize("name", SERVICES)
def test_every_container_is_hardened(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True and service["cap_drop"] == ["ALL"] and "mem_limit" in service
    assert service["security_opt"] == ["no-new-privileges:true"]


def test_what_has_to_be_written_has_a_place() -> None:
    for name in ("pare", "worker"):
        assert SERVICES[name]["tmpfs"] == ["/tmp"] and SERVICES[name]["volumes"] == ["data:/data"]


def test_secrets_do_not_go_into_the_image() -> None:
    listed = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if not line.startswith("#")]
    assert listed[0] == "*", "only what is named goes in"
    assert not [line for line in listed if re.match(r"!\.?(env|data|git|\*$|\.)", line)]
