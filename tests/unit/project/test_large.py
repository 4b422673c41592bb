"""What is asked before much goes up as code, over the fake host: how much, of what, and what each answer does."""

from __future__ import annotations

from pathlib import Path

import pytest

from floyd_tui.client.fake import FakeLink
from floyd_tui.client.fake_data import laptop_host
from floyd_tui.project.large import Answer, Consider, Declined, Large
from floyd_tui.project.listing import Goes
from floyd_tui.project.run import submit
from floyd_tui.project.snapshot import take
from runner.models import Job, Launch

LIMIT = 1000


@pytest.fixture
def link() -> FakeLink:
    return FakeLink("local", laptop_host())


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder whose checkpoints are too much."""
    folder = tmp_path / "project"
    (folder / "runs" / "1").mkdir(parents=True)
    for name, size in {"main.py": 100, "runs/1/best": 900, "runs/1/last": 800}.items():
        (folder / name).write_bytes(name.encode() * (size // len(name)))
    return folder


class Person:
    """Who is asked: gives `answers` one after another, and remembers the questions."""

    def __init__(self, *answers: Answer | None) -> None:
        self.answers, self.asked = list(answers), list[Large]()

    async def __call__(self, large: Large) -> Answer:
        self.asked.append(large)
        answer = self.answers.pop(0)
        if answer is None:
            raise Declined("Nothing went up.")
        return large.without([large.paths[0]]) if answer is Answer.AGAIN else answer


async def launch(link: FakeLink, folder: Path, person: Person, limit: int = LIMIT) -> Job:
    return await submit(link, folder, Launch("mnist", "true"), consider=Consider(limit, person))


async def test_the_question_names_what_makes_it_large(link: FakeLink, project: Path) -> None:
    person = Person(Answer.SEND)
    await launch(link, project, person)
    (large,) = person.asked
    sizes = {path: (project / path).stat().st_size for path in ("main.py", "runs/1/best", "runs/1/last")}
    assert (large.root, large.limit, large.size, large.files) == (project, LIMIT, sum(sizes.values()), 3)
    runs = Goes("runs/1/", 2, sizes["runs/1/best"] + sizes["runs/1/last"])
    assert large.paths == (runs, Goes("main.py", 1, sizes["main.py"]))


async def test_what_is_on_the_host_is_not_asked_about_again(link: FakeLink, project: Path) -> None:
    person = Person(Answer.SEND)
    await launch(link, project, person)
    (project / "main.py").write_text("small change")
    await launch(link, project, person)
    assert len(person.asked) == 1


async def test_up_to_the_limit_nobody_is_asked(link: FakeLink, project: Path) -> None:
    await launch(link, project, Person(), limit=(await take(project)).size)


async def test_what_is_left_out_does_not_go_up_then_or_later(link: FakeLink, project: Path) -> None:
    person = Person(Answer.AGAIN)
    job = await launch(link, project, person)
    assert (project / ".floydignore").read_text() == "/runs/1/\n"
    left = await take(project)
    assert [entry.path for entry in left.entries] == [".floydignore", "main.py", "runs"]
    assert job.code == left.digest


async def test_declined_nothing_is_sent_or_launched(link: FakeLink, project: Path) -> None:
    before = await link.client.jobs()
    with pytest.raises(Declined):
        await launch(link, project, Person(None))
    assert await link.client.jobs() == before
    person = Person(Answer.SEND)
    await launch(link, project, person)
    assert person.asked[0].size > LIMIT
