"""What a tree of processes uses."""

import os
import subprocess
import sys

from benchmarks.processes import MemoryWatch, cpu_seconds, memory_mb, own_cpu_seconds, tree

CHILD = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'input()'])"
BUSY = "sum(i * i for i in range(6_000_000))"


def test_a_grandchild_in_another_session_belongs_to_the_tree() -> None:
    argv = [sys.executable, "-c", CHILD + "; input()"]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, start_new_session=True) as child:
        while len(list(tree(child.pid))) < 2:
            assert child.poll() is None
        assert child.pid in set(tree(os.getpid()))
        assert memory_mb(child.pid) > 1
        child.kill()


def test_the_work_of_a_buried_child_counts() -> None:
    before = cpu_seconds(os.getpid())
    subprocess.run([sys.executable, "-c", BUSY], check=True)
    assert cpu_seconds(os.getpid()) - before > 0.05


def test_the_peak_is_the_most_seen() -> None:
    with MemoryWatch(os.getpid()) as watch:
        ballast = b"x" * 64_000_000
        while watch.peak_mb < 64:
            assert ballast
    assert watch.peak_mb >= 64


def test_a_process_that_is_gone_uses_nothing() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as child:
        child.wait()
    assert (cpu_seconds(child.pid), memory_mb(child.pid)) == (0, 0)


def test_own_cpu_counts_children_that_live_and_those_that_are_buried() -> None:
    before = own_cpu_seconds()
    argv = [sys.executable, "-c", f"{BUSY}; print(flush=True); input()"]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout
        child.stdout.readline()
        living = own_cpu_seconds() - before
        child.communicate(b"\n")
    assert living > 0.05
    assert own_cpu_seconds() - before >= living
