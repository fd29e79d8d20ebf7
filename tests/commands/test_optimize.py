"""`optimize` from start to end: what is written, what is not, and what is said."""

import json
import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from config import ROOT
from tests.commands.shell import children, environment, leftovers, pare, runs, start
from tests.helpers import decode, difference, encode, graphic, photo

PHOTO = encode(photo(), "JPEG", quality=95)
LOGO = encode(graphic(), "PNG")
OLD = 1_600_000_000


def lines(out: str) -> tuple[dict[str, dict[str, Any]], dict[str, Any]]:
    """What was said of each file, and of all."""
    *files, total = map(json.loads, out.splitlines())
    return {line["file"]: line for line in files}, total["total"]


def test_a_result_stands_beside_its_original(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(PHOTO)
    code, out, err = pare(tmp_path, "optimize", "a.jpg")
    made = (tmp_path / "a.pare.jpg").read_bytes()
    assert (code, err) == (0, "") and "a.pare.jpg" in out and "1 written" in out
    assert (tmp_path / "a.jpg").read_bytes() == PHOTO and len(made) < len(PHOTO)
    assert difference(decode(made), decode(PHOTO)) < 6
    code, out, _ = pare(tmp_path, "optimize", "a.jpg")
    assert code == 1 and "a.pare.jpg exists" in out and (tmp_path / "a.pare.jpg").read_bytes() == made
    assert leftovers(tmp_path) == []


def test_folders_by_what_is_in_the_files(tmp_path: Path) -> None:
    tree = tmp_path / "in"
    (tree / "sub").mkdir(parents=True)
    (tree / ".hidden").mkdir()
    outside = tmp_path / "outside.png"
    for path in (tree / "logo.jpg", tree / "sub" / "logo.png", tree / ".hidden" / "logo.png", outside):
        path.write_bytes(LOGO)
    (tree / "photo").write_bytes(PHOTO)
    (tree / "notes.png").write_text("no image")
    (tree / "broken.png").write_bytes(LOGO[:60])
    (tree / "link.png").symlink_to(outside)
    (tree / "loop").symlink_to(tree)
    os.mkfifo(tree / "pipe")
    code, out, _ = pare(tmp_path, "optimize", "in", "in/photo", "--recursive", "--output", "in/out", "--json")
    files, total = lines(out)
    assert code == 1 and set(files) == {"in/logo.jpg", "in/sub/logo.png", "in/photo", "in/broken.png"}
    assert files["in/broken.png"]["status"] == "failed" and files["in/broken.png"]["detail"]
    assert (total["written"], total["failed"], total["skipped"]) == (3, 1, 1)
    made = {str(path.relative_to(tree / "out")) for path in (tree / "out").rglob("*") if path.is_file()}
    assert made == {"logo.png", "sub/logo.png", "photo.jpg"}, "the name says what is in it"
    assert outside.read_bytes() == LOGO
    assert pare(tmp_path, "optimize", "in", "-r", "--output", "in/out", "--dry-run", "--json")[0] == 1
    assert total["optimized_size"] < total["original_size"]


def test_in_place(tmp_path: Path) -> None:
    file, small, link = tmp_path / "a.jpg", tmp_path / "small.png", tmp_path / "link.jpg"
    file.write_bytes(PHOTO)
    file.chmod(0o640)
    pare(tmp_path, "optimize", "a.jpg", "--output", "once")
    link.symlink_to(file)
    small.write_bytes(encode(graphic(32, 32).convert("P"), "PNG", optimize=True))
    pare(tmp_path, "optimize", "small.png", "--in-place")
    os.utime(small, (OLD, OLD))
    os.utime(file, (OLD, OLD))
    code, out, _ = pare(tmp_path, "optimize", "a.jpg", "small.png", "--in-place", "--keep-mtime", "--json")
    files, total = lines(out)
    assert code == 0 and (total["written"], total["kept"]) == (1, 1)
    assert files["small.png"]["status"] == "kept"
    assert file.read_bytes() == (tmp_path / "once" / "a.jpg").read_bytes() != PHOTO
    assert (file.stat().st_mode & 0o777, file.stat().st_mtime, small.stat().st_mtime) == (0o640, OLD, OLD)
    code, out, _ = pare(tmp_path, "optimize", "link.jpg", "--in-place")
    assert code == 1 and "symbolic link" in out and link.is_symlink()
    assert leftovers(tmp_path) == []


def test_wishes_are_the_services_own(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(encode(photo(), "PNG"))
    args = ["--format", "webp,avif", "--max-bytes", "4kB", "--quality", "auto", "--metadata", "none", "--json"]
    code, out, _ = pare(tmp_path, "optimize", "a.png", "--dry-run", *args, "--min-score", "50", "--effort", "fast")
    files, _ = lines(out)
    assert files["a.png"]["optimized_format"] in ("webp", "avif") and files["a.png"]["status"] == "would_be_written"
    assert files["a.png"]["optimized_size"] <= 4000 and files["a.png"]["score"] >= 50 and code == 0
    assert sorted(os.listdir(tmp_path)) == ["a.png", "tmp"]
    code, out, _ = pare(tmp_path, "optimize", "a.png", "--dry-run", "--max-bytes", "100", "--json")
    assert code == 3 and lines(out)[1]["unreached"] == 1
    code, out, _ = pare(tmp_path, "optimize", "a.png", "--lossless", "--json")
    assert lines(out)[0]["a.png"]["status"] == "written" and code == 0
    made = (tmp_path / "a.pare.png").read_bytes()
    assert difference(decode(made), photo()) == 0


@pytest.mark.parametrize(
    ("args", "sentence"),
    [
        (["gone.jpg"], "pare: there is no gone.jpg"),
        (["."], "pare: . is a folder: say --recursive"),
        (["a.jpg", "--quality", "101"], "pare: --quality is wrong: "),
        (["a.jpg", "--max-bytes", "many"], "pare: --max-bytes is wrong: 'many'"),
        (["a.jpg", "--format", "doc"], "pare: --format is wrong: "),
        (["a.jpg", "--in-place", "--format", "webp"], "pare: --in-place keeps the format"),
        (["a.jpg", "--in-place", "--output", "x"], "pare: --in-place and --output"),
    ],
)
def test_what_cannot_be_meant_is_said_before_any_work(args: list[str], sentence: str, tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(PHOTO)
    code, out, err = pare(tmp_path, "optimize", *args)
    assert (code, out) == (2, "") and err.startswith(sentence) and err.count("\n") == 1
    assert sorted(os.listdir(tmp_path)) == ["a.jpg", "tmp"]


def test_a_name_cannot_upset_the_terminal(tmp_path: Path) -> None:
    hostile = "a\x1b]0;owned\x07[red]\n.png"
    (tmp_path / hostile).write_bytes(LOGO)
    (tmp_path / os.fsdecode(b"\xff.png")).write_bytes(LOGO)
    code, out, _ = pare(tmp_path, "optimize", ".", "-r", "--dry-run")
    assert code == 0 and "\x1b" not in out and "\x07" not in out
    assert "[red]" in out and "\\x1b" in out and "\\udcff" in out


def test_settings_come_from_no_env_file_among_the_pictures(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(PHOTO)
    (tmp_path / ".env").write_text("DEFAULT_QUALITY=never\n")
    assert pare(tmp_path, "optimize", "a.jpg", "--dry-run")[0] == 0
    code, _, err = pare(tmp_path, "optimize", "a.jpg", DEFAULT_QUALITY="never")
    assert code == 2 and err.startswith("pare: DEFAULT_QUALITY is wrong")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGHUP, 129), (signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_interrupted_it_leaves_nothing_behind(number: signal.Signals, code: int, tmp_path: Path) -> None:
    large = encode(photo(1600, 1200), "PNG")
    for index in range(6):
        (tmp_path / f"{index}.png").write_bytes(large)
    process = start(tmp_path, "optimize", ".", "-r", "--in-place", "--quality", "auto", "--jobs", "2")
    while not (started := children(process)):
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(number)
    _, err = process.communicate(timeout=20)
    assert process.returncode == code and "Traceback" not in err
    assert not [pid for pid in started if runs(pid)] and leftovers(tmp_path) == []
    assert all(decode(path.read_bytes()).size == (1600, 1200) for path in tmp_path.glob("*.png"))


def test_a_reader_who_leaves_ends_it(tmp_path: Path) -> None:
    for index in range(12):
        (tmp_path / f"{index}.png").write_bytes(LOGO)
    process = start(tmp_path, "optimize", ".", "-r", "--output", "out", "--json", "--jobs", "1")
    assert process.stdout and process.stderr
    process.stdout.readline()
    process.stdout.close()
    assert process.wait(timeout=20) == 141 and process.stderr.read() == ""
    process.stderr.close()
    assert len(list((tmp_path / "out").iterdir())) < 12 and leftovers(tmp_path) == []


def test_on_a_terminal_a_bar_shows_how_far_it_is(tmp_path: Path) -> None:
    for index in range(3):
        (tmp_path / f"{index}.png").write_bytes(LOGO)
    ours, theirs = pty.openpty()
    argv = [sys.executable, str(ROOT / "cli.py"), "optimize", ".", "-r", "--dry-run", "--json"]
    env = environment(tmp_path, TERM="xterm", COLUMNS="100")
    process = subprocess.Popen(argv, cwd=tmp_path, env=env, stdout=subprocess.PIPE, stderr=theirs, text=True)
    out, _ = process.communicate(timeout=60)
    os.close(theirs)
    seen = os.read(ours, 1 << 16).decode()
    os.close(ours)
    assert process.returncode == 0 and "0/3" in seen and len(out.splitlines()) == 4


def test_what_cannot_be_read_or_written_fails_alone(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(LOGO)
    (tmp_path / "huge.png").touch()
    os.truncate(tmp_path / "huge.png", 40 << 20)
    (tmp_path / "out").touch()
    code, out, _ = pare(tmp_path, "optimize", "a.png", "huge.png", "--json")
    files, total = lines(out)
    assert code == 1 and (total["written"], total["failed"]) == (1, 1)
    assert "MAX_FILE_SIZE_MB" in files["huge.png"]["detail"]
    code, out, _ = pare(tmp_path, "optimize", "a.png", "--output", "out/below", "--json")
    assert code == 1 and lines(out)[0]["a.png"]["status"] == "failed"
