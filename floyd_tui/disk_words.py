"""What is said of a host's disk, the same on the command line and in the app."""

from __future__ import annotations

from floyd_tui.sizes import human_count, human_size
from runner.models import Damage, FsckReport, GcReport, GcStep, StoreKind

WHAT: dict[StoreKind, str] = {
    "datasets": "datasets",
    "outputs": "outputs of jobs",
    "code": "code of jobs",
    "jobs": "logs and homes of jobs",
    "uploads": "uploads not used yet",
    "unused": "content nothing refers to",
    "images": "images made for jobs",
    "containers": "containers of jobs",
    "trash": "deleted, can be restored",
    "quarantine": "damaged, set aside",
    "runner": "the runner itself",
}
HEAL = "Upload the same content again: that heals what it touches."
_PHASES = {
    "waiting": "Beginning",
    "looking": "Looking at what is there",
    "forgetting": "Finding what nothing refers to",
    "freeing": "Removing files",
    "containers": "Removing containers",
}


def phase(step: GcStep) -> str:
    """What a survey or collection does at `step`."""
    return _PHASES[step.phase]


def freed(report: GcReport) -> str:
    """What a collection has done, in a sentence."""
    went = f"{human_size(report.free_size)} freed" if report.free_count else "Nothing was freed"
    deleted = _of_trash(report)
    went += f", {human_size(deleted)} of it deleted before" if deleted else ""
    return f"{'Stopped: ' if report.stopped else ''}{went}; {human_size(report.disk_free)} of the disk are free."


def for_good(report: GcReport) -> str:
    """What a collection ends besides, before it is agreed to; empty where nothing was deleted."""
    return "What was deleted can then not be restored any more." if _of_trash(report) else ""


def _of_trash(report: GcReport) -> int:
    return sum(kind.free_size for kind in report.kinds if kind.kind == "trash")


def disk(report: GcReport) -> str:
    """How the disk stands, in a sentence."""
    text = f"{human_size(report.disk_free)} of {human_size(report.disk_total)} are free"
    if report.disk_free < report.disk_reserve:
        return f"{text}, and {human_size(report.disk_reserve)} should be: launches and uploads are refused."
    return f"{text}; launches and uploads leave {human_size(report.disk_reserve)} alone."


def spared(report: GcReport) -> str:
    """Why more stays than would have to, in a sentence; empty where nothing is damaged."""
    if not report.damaged:
        return ""
    which = ", ".join(digest[:12] for digest in report.damaged[:3])
    what = f"The manifest {which} is" if len(report.damaged) == 1 else f"{len(report.damaged)} manifests ({which}) are"
    return f"{what} damaged: what their owners stored all stays. A check (fsck) names what to upload again, or remove."


def checked(report: FsckReport) -> str:
    """What a check has done, in a sentence."""
    read = f"{human_count(report.checked, 'file')}, {human_size(report.size)} read"
    if report.stopped:
        return f"Stopped: {read}. Nothing that was not read is judged."
    return f"{read}, {human_count(len(report.damage), 'damaged one') if report.damage else 'none is damaged'}."


def damaged(damage: Damage) -> str:
    """One thing that is damaged, in a sentence."""
    name = f"{'manifest ' if damage.part == 'manifest' else ''}{damage.digest[:12]}"
    if damage.what == "repaired":
        return f"{name} was damaged, and is repaired from a good copy."
    touches = list(damage.touches)
    if damage.others:
        touches.append(
            f"{damage.others} of other people" if touches else human_count(damage.others, "thing") + " of other people"
        )
    return f"{name} is {damage.what}; it touches {', '.join(touches) or 'nothing that is in use'}."
