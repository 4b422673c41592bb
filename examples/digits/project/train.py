"""Train on the digits and write a checkpoint after every epoch; `--resume FOLDER` goes on from an earlier one.

Each epoch's order of images depends only on the seed and its number, so training in two parts gives what training
at one go would have given.
"""

from __future__ import annotations

import argparse
import json
import os
import random
from pathlib import Path

from model import Model, Sample, read_samples

INPUT = Path(os.environ.get("FLOYD_INPUT", "/floyd/input"))
CHECKPOINT = Path("output/checkpoint.json")


def main() -> None:
    """Read the flags, train, report."""
    flags = read_flags()
    train, test = read_samples(flags.data / "train.csv"), read_samples(flags.data / "test.csv")
    print(f"{len(train)} images to learn from, {len(test)} to test on, from {flags.data}")
    model, done = resume(flags.resume) if flags.resume else (Model.new(flags.width, flags.seed), 0)
    for epoch in range(done + 1, done + flags.epochs + 1):
        loss = train_epoch(model, train, flags.rate / epoch**0.5, flags.seed + epoch)
        accuracy = model.accuracy(test)
        save(model, epoch, loss, accuracy)
        report(epoch, loss, accuracy)
    print(f"Wrote {CHECKPOINT} after epoch {done + flags.epochs}")


def read_flags() -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=INPUT / "digits", help="folder with train.csv and test.csv")
    parser.add_argument("--resume", type=Path, help="go on from the checkpoint in this folder, perhaps an input")
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--width", type=int, default=20, help="units in the hidden layer")
    parser.add_argument("--rate", type=float, default=0.05, help="learning rate of the first epoch")
    parser.add_argument("--seed", type=int, default=7)
    return parser.parse_args()


def resume(folder: Path) -> tuple[Model, int]:
    """The model of a checkpoint and the epochs it has seen; `folder` may be the name of an input."""
    places = [place / name for place in (folder, INPUT / folder) for name in (CHECKPOINT, CHECKPOINT.name)]
    found = next((place for place in places if place.is_file()), None)
    if found is None:
        raise SystemExit(f"train.py: no checkpoint in {folder}; looked at {', '.join(map(str, places))}")
    data = json.loads(found.read_text())
    print(f"Going on after epoch {data['epoch']} from {found}")
    return Model(**data["model"]), data["epoch"]


def train_epoch(model: Model, samples: list[Sample], rate: float, seed: int) -> float:
    """See every image once, in an order of its own; returns the mean loss."""
    order = random.Random(seed).sample(samples, len(samples))
    return sum(model.learn(pixels, digit, rate) for pixels, digit in order) / len(order)


def save(model: Model, epoch: int, loss: float, accuracy: float) -> None:
    """Write the checkpoint so that a stop at any moment leaves the old one or the new one."""
    CHECKPOINT.parent.mkdir(exist_ok=True)
    half = CHECKPOINT.with_suffix(".part")
    half.write_text(json.dumps({"epoch": epoch, "loss": loss, "accuracy": accuracy, "model": model.to_dict()}))
    half.replace(CHECKPOINT)


def report(epoch: int, loss: float, accuracy: float) -> None:
    """One line for people, and one a metric in FloydHub's JSON form."""
    print(f"epoch {epoch:3}   loss {loss:.4f}   accuracy {accuracy:.2%}", flush=True)
    for name, value in (("loss", loss), ("accuracy", accuracy)):
        print(json.dumps({"metric": name, "value": value, "epoch": epoch}), flush=True)


if __name__ == "__main__":
    main()
