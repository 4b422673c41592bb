"""A small neural network in plain Python: 64 pixels in, one hidden layer, ten digits out."""

from __future__ import annotations

import csv
import math
import random
from dataclasses import asdict, dataclass
from operator import mul
from pathlib import Path

Row = list[float]
Sample = tuple[Row, int]

PIXELS, DIGITS, BRIGHTEST = 64, 10, 16


def read_samples(path: Path) -> list[Sample]:
    """The images of a CSV file, pixels scaled to 0…1, each with its digit."""
    with path.open(newline="") as stream:
        rows = csv.reader(stream)
        next(rows)  # the heading
        return [([int(pixel) / BRIGHTEST for pixel in row[:PIXELS]], int(row[PIXELS])) for row in rows]


@dataclass
class Model:
    """Weights of both layers; the last column of each row is the bias."""

    hidden: list[Row]
    output: list[Row]

    @classmethod
    def new(cls, width: int, seed: int) -> Model:
        """Random weights, the same for the same seed."""
        chance = random.Random(seed)

        def layer(rows: int, columns: int) -> list[Row]:
            spread = 1 / math.sqrt(columns)
            return [[chance.uniform(-spread, spread) for _ in range(columns + 1)] for _ in range(rows)]

        return cls(layer(width, PIXELS), layer(DIGITS, width))

    def activate(self, pixels: Row) -> tuple[Row, Row]:
        """The hidden layer's activations (with a 1 for the bias) and the probability of each digit."""
        inner = [math.tanh(sum(map(mul, row, pixels)) + row[-1]) for row in self.hidden]
        inner.append(1.0)
        scores = [sum(map(mul, row, inner)) for row in self.output]
        top = max(scores)
        powers = [math.exp(score - top) for score in scores]
        total = sum(powers)
        return inner, [power / total for power in powers]

    def learn(self, pixels: Row, digit: int, rate: float) -> float:
        """One step of gradient descent on one image; returns its loss before the step."""
        inner, chances = self.activate(pixels)
        loss = -math.log(max(chances[digit], 1e-12))
        chances[digit] -= 1.0  # now the error of each output
        errors = list(zip(chances, self.output, strict=True))
        back = [sum(error * row[i] for error, row in errors) for i in range(len(self.hidden))]
        for error, row in errors:
            step = rate * error
            row[:] = [weight - step * value for weight, value in zip(row, inner, strict=True)]
        for error, value, row in zip(back, inner[:-1], self.hidden, strict=True):
            step = rate * error * (1 - value * value)
            row[:] = [weight - step * pixel for weight, pixel in zip(row, [*pixels, 1.0], strict=True)]
        return loss

    def guess(self, pixels: Row) -> int:
        """The most likely digit."""
        chances = self.activate(pixels)[1]
        return chances.index(max(chances))

    def accuracy(self, samples: list[Sample]) -> float:
        """The share of `samples` guessed right, 0…1."""
        return sum(self.guess(pixels) == digit for pixels, digit in samples) / len(samples)

    def to_dict(self) -> dict[str, list[Row]]:
        """The weights as plain data."""
        return asdict(self)
