"""Changes of tags, as one types them for jobs: ``best paper`` are given, ``-old`` is taken away."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from runner.models import check_name


@dataclass(frozen=True, slots=True)
class TagChange:
    """Tags to give, and tags to take away."""

    more: tuple[str, ...] = ()
    less: tuple[str, ...] = ()

    @classmethod
    def of(cls, more: Iterable[str], less: Iterable[str]) -> TagChange:
        """Raises `BadName` for what can be no tag."""
        return cls(*(tuple(check_name(tag, "tag") for tag in tags) for tags in (more, less)))

    @classmethod
    def parse(cls, text: str) -> TagChange:
        """Read ``best paper -old``; raises `BadName` for what can be no tag."""
        words = text.replace(",", " ").split()
        more = [word.removeprefix("+") for word in words if not word.startswith("-")]
        return cls.of(more, [word[1:] for word in words if word.startswith("-")])

    def __bool__(self) -> bool:
        return bool(self.more or self.less)

    def applied(self, tags: tuple[str, ...]) -> tuple[str, ...]:
        """`tags` with those to give at their end, and without those to take away."""
        return tuple(tag for tag in dict.fromkeys((*tags, *self.more)) if tag not in self.less)
