"""Starts the service where it is installed, has it optimize a picture of every format, stops it and looks how it ended.

Runs inside the image (scripts/test-image.sh), with nothing but the image's own Python and environment.
"""

import os
import signal
import subprocess
import sys
import time
from urllib.error import URLError
from urllib.request import Request, urlopen

sys.path.insert(0, os.getcwd())
ADDRESS = f"http://127.0.0.1:{os.environ['PORT']}"


def wait_until_ready(service: subprocess.Popen[bytes], seconds: float) -> float:
    """Seconds until the service said that it is ready."""
    started = time.monotonic()
    while service.poll() is None and time.monotonic() - started < seconds:
        try:
            urlopen(f"{ADDRESS}/health/ready", timeout=2)  # noqa: S310
            return time.monotonic() - started
        except (URLError, ConnectionError):
            time.sleep(0.05)
    raise SystemExit(f"not ready after {time.monotonic() - started:.1f} s")


def only_data_is_writable() -> None:
    """The service runs as somebody who could not change a program, not even its own."""
    places = [os.getcwd(), sys.prefix, "/", "/etc", "/opt", "/usr/bin"]
    if os.getuid() == 0 or (writable := [place for place in places if os.access(place, os.W_OK)]):
        raise SystemExit(f"as user {os.getuid()}: {writable if os.getuid() else 'everything'} can be written")


def optimize_every_format() -> None:
    """Send each format's own sample; any answer but 200 with a picture that is not larger ends the run."""
    from optimizers.router import FORMATS

    for optimizer in FORMATS:
        picture = optimizer.sample()
        with urlopen(Request(f"{ADDRESS}/optimize", data=picture), timeout=60) as answer:  # noqa: S310
            result = answer.read()
        print(f"{optimizer.spec.name:6} {len(picture):7} -> {len(result):7}  {answer.headers['Content-Type']}")
        if not 0 < len(result) <= len(picture):
            raise SystemExit(f"{optimizer.spec.name}: {len(result)} bytes from {len(picture)}")


def the_command_line_works() -> None:
    """Every tool, as `docker run pare python cli.py health` would have it."""
    subprocess.run([sys.executable, "cli.py", "health"], check=True)


def main() -> None:
    """The whole life of one service."""
    only_data_is_writable()
    the_command_line_works()
    service = subprocess.Popen([sys.executable, "main.py"], stdout=subprocess.DEVNULL)
    try:
        print(f"ready after {wait_until_ready(service, 60):.1f} s, as user {os.getuid()}")
        print(urlopen(f"{ADDRESS}/health", timeout=5).read().decode())  # noqa: S310
        optimize_every_format()
    finally:
        service.send_signal(signal.SIGTERM)
        ended = service.wait(40)
    print(f"ended with {ended}")
    sys.exit(ended)


main()
