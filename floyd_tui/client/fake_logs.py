"""The fake jobs' logs: with colours, progress lines, warnings, a traceback and what else real logs hold."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Iterable

Log = tuple[bytes, list[tuple[int, float]]]
TRACEBACK = """Traceback (most recent call last):
  File "/floyd/home/train.py", line 61, in <module>
    main()
  File "/floyd/home/train.py", line 44, in main
    loss, accuracy = step(images, labels, arguments.lr)
  File "/floyd/home/models/convnet.py", line 88, in forward
    hidden = self.conv2(torch.relu(self.conv1(batch)))
torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.25 GiB. GPU 0 has 79.15 GiB of which 1.02 GiB is free.
"""


def _build(rows: Iterable[tuple[float, str]], since: float) -> Log:
    text, times = bytearray(), []
    for after, row in rows:
        times.append((len(text), since + after))
        text += row.encode() + b"\n"
    return bytes(text), times


def _start() -> list[tuple[float, str]]:
    return [
        (0.1, "\x1b[1;36mdigits\x1b[0m: training on \x1b[32mcuda:0\x1b[0m (NVIDIA A100-SXM4-80GB), torch 2.8.0"),
        (0.2, "reading /floyd/input/digits: 1797 images, 10 classes"),
        (0.9, "\x1b[33mWARNING\x1b[0m 34 labels have no image; they are left out"),
        (1.1, "resuming from /floyd/input/previous/checkpoints/best.pt (epoch 29, loss 0.0891)"),
        (1.4, "model: ConvNet(64, 128, 256), 370,346 parameters"),
    ]


def _bar(step: int, steps: int) -> str:
    filled = 24 * step // steps
    return f"{100 * step // steps:3d}%|{'█' * filled}{' ' * (24 - filled)}| {step}/{steps} [{step // 7:02d}s, 6.9it/s]"


def training_log(since: float, seconds: int) -> Log:
    """Epochs of a training, one a 52 seconds, as far as `seconds` allow."""
    noise, rows = random.Random(5), _start()
    for epoch in range(max(1, seconds // 52)):
        begin = 2.0 + epoch * 52
        rows.append((begin, f"\x1b[1mEpoch {epoch + 1}/30\x1b[0m"))
        rows.append((begin + 50, "\r".join(_bar(step, 281) for step in (0, 56, 140, 213, 281))))
        for i in range(5):
            step = epoch * 100 + i * 20
            loss = 2.2 * math.exp(-step / 900) + 0.08 + noise.gauss(0, 0.01)
            rows.append((begin + 10 * i, json.dumps({"metric": "loss", "value": round(loss, 4), "step": step})))
            if i == 2 and epoch % 4 == 1:
                rows.append((begin + 25, "\x1b[33mWARNING\x1b[0m gradient norm 14.2 clipped to 5.0"))
        accuracy = 1 - 0.85 * math.exp(-epoch / 6)
        row = f"epoch {epoch + 1:2d}  loss \x1b[32m{loss:.4f}\x1b[0m  accuracy \x1b[32m{accuracy:.4f}\x1b[0m  51.8 s"
        rows.append((begin + 51, row))
        if epoch % 4 == 3:
            rows.append((begin + 51.5, f"\x1b[2msaved checkpoints/epoch-{epoch + 1:03d}.pt (1.4 MB)\x1b[0m"))
    return _build(sorted(rows, key=lambda row: row[0]), since)


def oom_log(since: float) -> Log:
    """A start that ends in a traceback."""
    rows = [*_start(), (3.0, "\x1b[1mEpoch 1/30\x1b[0m"), (9.0, _bar(12, 281))]
    rows += [(61.0, f"\x1b[31m{line}\x1b[0m") for line in TRACEBACK.splitlines()]
    return _build(rows, since)


def short_log(since: float) -> Log:
    """A few lines."""
    return _build([(0.1, "hello"), (0.2, "done in 0.1 s")], since)
