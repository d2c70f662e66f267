"""iTransformer in PyTorch, with the tensor names of the Time-Series-Library, and files of its weights."""
import json
import math
import struct

import torch
import torch.nn as nn
import torch.nn.functional as F


class Attention(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.query_projection = nn.Linear(width, width)
        self.key_projection = nn.Linear(width, width)
        self.value_projection = nn.Linear(width, width)
        self.out_projection = nn.Linear(width, width)

    def forward(self, x):  # [B, N, D]
        batch, tokens, width = x.shape
        q, k, v = (layer(x).view(batch, tokens, self.heads, -1).transpose(1, 2)
                   for layer in (self.query_projection, self.key_projection, self.value_projection))
        a = torch.softmax(q @ k.transpose(2, 3) / math.sqrt(width // self.heads), dim=-1)
        return self.out_projection((a @ v).transpose(1, 2).reshape(batch, tokens, width))


class Layer(nn.Module):
    def __init__(self, width, ffn_width, heads, attends):
        super().__init__()
        self.attention = Attention(width, heads) if attends else None
        self.conv1, self.conv2 = nn.Conv1d(width, ffn_width, 1), nn.Conv1d(ffn_width, width, 1)
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)

    def forward(self, x):
        x = self.norm1(x + self.attention(x) if self.attention else x)
        hidden = F.gelu(self.conv1(x.transpose(1, 2)))
        return self.norm2(x + self.conv2(hidden).transpose(1, 2))


class ITransformer(nn.Module):
    """`kept` has a digit for each layer: 0 if its attention was removed."""

    def __init__(self, lookback, horizon, width, ffn_width, heads, kept):
        super().__init__()
        self.enc_embedding = nn.Module()
        self.enc_embedding.value_embedding = nn.Linear(lookback, width)
        self.encoder = nn.Module()
        self.encoder.attn_layers = nn.ModuleList(Layer(width, ffn_width, heads, digit == "1") for digit in kept)
        self.encoder.norm = nn.LayerNorm(width)
        self.projection = nn.Linear(width, horizon)

    def forward(self, x):  # [B, L, C] -> [B, T, C]
        mean = x.mean(1, keepdim=True).detach()
        deviation = torch.sqrt(x.var(1, keepdim=True, unbiased=False) + 1e-5).detach()
        tokens = self.enc_embedding.value_embedding(((x - mean) / deviation).transpose(1, 2))
        for layer in self.encoder.attn_layers:
            tokens = layer(tokens)
        return self.projection(self.encoder.norm(tokens)).transpose(1, 2) * deviation + mean


def read_safetensors(path):
    """The tensors of a file, all of float32, and its metadata."""
    with open(path, "rb") as file:
        header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
        data = bytearray(file.read())
    metadata = header.pop("__metadata__", {})
    tensors = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        tensors[name] = torch.frombuffer(data[begin:end], dtype=torch.float32).reshape(entry["shape"])
    return tensors, metadata


def from_spat(path):
    """The model of a file that spat wrote, and how its series are scaled: (model, mean, deviation)."""
    tensors, metadata = read_safetensors(path)
    sizes, data = json.loads(metadata["spat.config"]), json.loads(metadata["spat.data"])
    model = ITransformer(sizes["lookback"], sizes["horizon"], sizes["width"], sizes["ffn_width"], sizes["heads"],
                         metadata["spat.kept"])
    model.load_state_dict(tensors)
    return model.eval(), torch.tensor(data["mean"]), torch.tensor(data["deviation"])
