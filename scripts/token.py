"""Prints a token for /api/v1: `python -m scripts.token NAME`, good for a day.

With `--webhook` the secret that checks messages to a `callback_url` instead.
"""

import argparse
import sys
import time

from config import LOCAL_SECRET, Settings, SettingsError, load_settings
from security.jwt import Tokens
from security.webhooks import derived_secret

DAY = 24 * 3600


def secret_of(settings: Settings) -> str:
    """JWT_SECRET_KEY, or the one that `make run` made for itself."""
    if settings.jwt_secret_key:
        return settings.jwt_secret_key.get_secret_value()
    try:
        return (settings.data_dir / LOCAL_SECRET).read_text().strip()
    except OSError:
        raise SettingsError("JWT_SECRET_KEY is not set, and no `make run` made one here") from None


def main(argv: list[str]) -> int:
    """2 where there is nothing to sign with."""
    parser = argparse.ArgumentParser(prog="python -m scripts.token", description="A token for /api/v1.")
    parser.add_argument("user", nargs="?", default="me", help="whose images: the token's `sub`")
    parser.add_argument("--webhook", action="store_true", help="print the secret of messages to a callback_url")
    wish = parser.parse_args(argv)
    try:
        settings = load_settings()
        secret = secret_of(settings)
    except SettingsError as error:
        print(f"pare: {error}", file=sys.stderr)
        return 2
    if wish.webhook:
        print(settings.webhook_secret.get_secret_value() or derived_secret(secret))
    elif settings.jwt_algorithm.startswith("HS"):
        print(Tokens(secret, settings.jwt_algorithm).issue(wish.user, int(time.time()) + DAY))
    else:
        print(f"pare: {settings.jwt_algorithm} tokens are signed by whoever has the private key", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
