"""Compares a forecast of spat with that of PyTorch, which reads the same model file.

  compare.py MODEL.safetensors SERIES.csv FORECAST.csv      exit code 1 if they differ by more than 1e-5 of the range
"""
import sys

import torch

from model import from_spat
from train import read


def main(model_path, series_path, forecast_path):
    model, mean, deviation = from_spat(model_path)
    series, found = read(series_path), read(forecast_path)
    history = ((series - mean) / deviation)[-model.enc_embedding.value_embedding.in_features:].float()
    with torch.no_grad():
        right = model(history[None])[0].double() * deviation + mean
    span = (right.max() - right.min()).item()
    worst = (found - right).abs().max().item()
    print(f"{model_path}: largest difference {worst:.2g} of a range of {span:.4g}")
    return 0 if worst <= 1e-5 * span else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
