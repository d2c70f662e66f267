"""Trains an iTransformer in PyTorch on a CSV file, and saves its state_dict; makes the file if there is none.

  train.py SERIES.csv CHECKPOINT.pth
"""
import csv
import datetime
import math
import pathlib
import random
import sys

import torch

from model import ITransformer

LOOKBACK, HORIZON, WIDTH, HEADS, LAYERS, EPOCHS, BATCH = 96, 24, 64, 8, 3, 3, 32


def make(path):
    """Writes two thousand hours of three columns that follow the day, the week and each other."""
    random.seed(1)
    start, load, lines = datetime.datetime(2024, 1, 1), 0.0, ["date,wind,price,load"]
    for hour in range(2000):
        day, week = math.sin(math.tau * hour / 24), math.sin(math.tau * hour / 168)
        load = 0.9 * load + random.gauss(0, 2)
        numbers = 8 - 2 * week + random.gauss(0, 0.5), 40 + 12 * day + 0.3 * load, 300 + 60 * day + 25 * week + load
        time = start + datetime.timedelta(hours=hour)
        lines.append(f"{time:%Y-%m-%d %H:%M:%S}," + ",".join(f"{number:.3f}" for number in numbers))
    path.write_text("\n".join(lines) + "\n")


def read(path):
    """The numbers of a file whose first column is the time."""
    with open(path, newline="") as file:
        rows = list(csv.reader(file))[1:]
    return torch.tensor([[float(cell) for cell in row[1:]] for row in rows], dtype=torch.float64)


def windows(series, first, last):
    """Pairs of history and target whose target lies in rows [first, last)."""
    starts = range(max(first, LOOKBACK), last - HORIZON + 1)
    return [(series[s - LOOKBACK:s], series[s:s + HORIZON]) for s in starts]


def error(model, pairs):
    with torch.no_grad():
        return torch.stack([torch.mean((model(x[None])[0] - y) ** 2) for x, y in pairs]).mean().item()


def main(series_path, checkpoint):
    if not pathlib.Path(series_path).exists():
        make(pathlib.Path(series_path))
    raw = read(series_path)
    train_end, test_begin = int(0.7 * len(raw)), len(raw) - int(0.2 * len(raw))
    mean, deviation = raw[:train_end].mean(0), raw[:train_end].std(0, unbiased=False)
    series = ((raw - mean) / deviation).float()

    torch.manual_seed(1)
    torch.set_num_threads(1)
    model = ITransformer(LOOKBACK, HORIZON, WIDTH, WIDTH, HEADS, "1" * LAYERS)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    pairs = windows(series, 0, train_end)
    for epoch in range(EPOCHS):
        random.Random(epoch).shuffle(pairs)
        for i in range(0, len(pairs), BATCH):
            x, y = (torch.stack(part) for part in zip(*pairs[i:i + BATCH]))
            optimizer.zero_grad()
            torch.mean((model(x) - y) ** 2).backward()
            optimizer.step()
    print(f"PyTorch: test MSE {error(model.eval(), windows(series, test_begin, len(series))):.6f}")
    torch.save(model.state_dict(), checkpoint)


if __name__ == "__main__":
    main(*sys.argv[1:])
