"""What was estimated lately, so that the truth can be held against it when it comes."""

from collections import OrderedDict
from hashlib import sha256

from optimizers.policy import Policy

REMEMBERED = 1000
"""Estimates; the oldest are forgotten first."""

Key = tuple[int, bytes, Policy]


class Memory:
    """Reductions in percent by the bytes and the wishes that they were estimated for."""

    def __init__(self) -> None:
        self._said: OrderedDict[Key, float] = OrderedDict()
        self._sizes: dict[int, int] = {}
        """How many estimates of files of each size: a look at this saves most files from being hashed."""

    def remember(self, data: bytes, policy: Policy, reduction: float) -> None:
        """An estimate was given."""
        key = _key(data, policy)
        if key not in self._said:
            self._sizes[key[0]] = self._sizes.get(key[0], 0) + 1
        self._said[key] = reduction
        self._said.move_to_end(key)
        if len(self._said) > REMEMBERED:
            self._forget(next(iter(self._said)))

    def error(self, data: bytes, policy: Policy, reduction: float) -> float | None:
        """By how many points the estimate missed the true reduction; None without one. It is forgotten then."""
        if len(data) not in self._sizes:
            return None
        key = _key(data, policy)
        if key not in self._said:
            return None
        said = self._said[key]
        self._forget(key)
        return abs(said - reduction)

    def _forget(self, key: Key) -> None:
        del self._said[key]
        self._sizes[key[0]] -= 1
        if not self._sizes[key[0]]:
            del self._sizes[key[0]]


def _key(data: bytes, policy: Policy) -> Key:
    return len(data), sha256(data).digest(), policy
