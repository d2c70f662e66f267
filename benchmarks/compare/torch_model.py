"""iTransformer and PatchTST in plain PyTorch, dense or with all attention pruned, and their ONNX files."""
import math
import pathlib

import torch
import torch.nn as nn
import torch.nn.functional as F


class FusedAttention(torch.autograd.Function):
    """For torch.onnx.export alone: one node, ONNX Runtime's own attention."""

    @staticmethod
    def forward(ctx, q, k, v, heads):
        return q.clone()

    @staticmethod
    def symbolic(g, q, k, v, heads):
        return g.op("com.microsoft::MultiHeadAttention", q, k, v, num_heads_i=heads).setType(q.type())


class Attention(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads, self.head, self.fused = heads, width // heads, False
        self.scale = 1.0 / math.sqrt(self.head)
        self.query_projection = nn.Linear(width, width)
        self.key_projection = nn.Linear(width, width)
        self.value_projection = nn.Linear(width, width)
        self.out_projection = nn.Linear(width, width)

    def forward(self, x):  # [B, N, D]
        B, N, D = x.shape
        if self.fused:
            return self.out_projection(FusedAttention.apply(
                self.query_projection(x), self.key_projection(x), self.value_projection(x), self.heads))
        q = self.query_projection(x).view(B, N, self.heads, self.head).transpose(1, 2)
        k = self.key_projection(x).view(B, N, self.heads, self.head).permute(0, 2, 3, 1)
        v = self.value_projection(x).view(B, N, self.heads, self.head).transpose(1, 2)
        A = torch.softmax(torch.matmul(q, k) * self.scale, dim=-1)
        return self.out_projection(torch.matmul(A, v).transpose(1, 2).reshape(B, N, D))


class Layer(nn.Module):
    """Pruned: the whole attention module is gone; the norm behind it and the feed-forward layer stay."""

    def __init__(self, width, ffn_width, heads, keep):
        super().__init__()
        self.attention = Attention(width, heads) if keep else None
        self.linear1, self.linear2 = nn.Linear(width, ffn_width), nn.Linear(ffn_width, width)
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)

    def forward(self, x):
        if self.attention is not None:
            x = x + self.attention(x)
        x = self.norm1(x)
        return self.norm2(x + self.linear2(F.gelu(self.linear1(x))))


def normalized(x):
    """Each window and channel to mean 0 and deviation 1 over time; with both."""
    mean = x.mean(1, keepdim=True).detach()
    centred = x - mean
    deviation = torch.sqrt((centred * centred).mean(1, keepdim=True) + 1e-5)
    return centred / deviation, mean, deviation


class ITransformer(nn.Module):
    def __init__(self, c, keep):
        super().__init__()
        self.embedding = nn.Linear(c["lookback"], c["width"])
        self.layers = nn.ModuleList(Layer(c["width"], c["ffn_width"], c["heads"], keep) for _ in range(c["depth"]))
        self.norm = nn.LayerNorm(c["width"])
        self.projection = nn.Linear(c["width"], c["horizon"])

    def forward(self, x):  # [B, L, C] -> [B, T, C]
        x, mean, deviation = normalized(x)
        tokens = self.embedding(x.transpose(1, 2))
        for layer in self.layers:
            tokens = layer(tokens)
        return self.projection(self.norm(tokens)).transpose(1, 2) * deviation + mean


class PatchTST(nn.Module):
    def __init__(self, c, keep):
        super().__init__()
        self.patch, self.stride, width = c["patch"], c["stride"], c["width"]
        self.patches = (c["lookback"] - self.patch) // self.stride + 2
        self.embedding = nn.Linear(self.patch, width, bias=False)
        angle = torch.arange(self.patches).unsqueeze(1) * torch.exp(torch.arange(0, width, 2) * (-math.log(1e4) / width))
        self.register_buffer("positions", torch.stack([angle.sin(), angle.cos()], -1).reshape(self.patches, width))
        self.layers = nn.ModuleList(Layer(width, c["ffn_width"], c["heads"], keep) for _ in range(c["depth"]))
        self.norm = nn.BatchNorm1d(width)
        self.head = nn.Linear(self.patches * width, c["horizon"])

    def forward(self, x):  # [B, L, C] -> [B, T, C]
        B, _, C = x.shape
        x, mean, deviation = normalized(x)
        x = x.transpose(1, 2)
        x = torch.cat([x, x[..., -1:].expand(B, C, self.stride)], -1).reshape(B * C, -1)
        if torch.onnx.is_in_onnx_export():  # which knows no unfold
            index = torch.arange(self.patches).unsqueeze(1) * self.stride + torch.arange(self.patch)
            x = x[:, index.reshape(-1)].view(B * C, self.patches, self.patch)
        else:
            x = x.unfold(-1, self.patch, self.stride)
        tokens = self.embedding(x) + self.positions
        for layer in self.layers:
            tokens = layer(tokens)
        tokens = self.norm(tokens.reshape(B * C * self.patches, -1)).view(tokens.shape)
        return self.head(tokens.transpose(1, 2).reshape(B, C, -1)).transpose(1, 2) * deviation + mean


MODELS = {"itransformer": ITransformer, "patchtst": PatchTST}


def seeded(config, prune, batch):
    """The model and a batch for it; always the same numbers."""
    torch.manual_seed(7)
    x = torch.randn(batch, config["lookback"], config["channels"])
    return MODELS[config["model"]](config, prune == "none").eval(), x


def export(config, batch, folder):
    """Writes ort-none, ort-all and ort-mha-none.onnx, and beside each its input (.x) and PyTorch's forecast (.y)."""
    for peer, prune in (("ort", "none"), ("ort", "all"), ("ort-mha", "none")):
        model, x = seeded(config, prune, batch)
        path = pathlib.Path(folder) / f"{peer}-{prune}.onnx"
        with torch.no_grad():
            path.with_suffix(".x").write_bytes(x.numpy().tobytes())
            path.with_suffix(".y").write_bytes(model(x).numpy().tobytes())
        for layer in model.layers:
            if layer.attention is not None:
                layer.attention.fused = peer == "ort-mha"
        torch.onnx.export(model, x, str(path), opset_version=17, input_names=["x"], output_names=["y"],
                          custom_opsets={"com.microsoft": 1} if peer == "ort-mha" else None)
