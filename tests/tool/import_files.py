"""Checkpoints for import.py: tensors read from and written to safetensors files, an iTransformer of random numbers, and series."""
import array
import datetime
import json
import random
import struct


def read(path):
    """The tensors of a file, as {name: (type, shape, bytes)}, and its metadata."""
    content = path.read_bytes()
    size = struct.unpack("<Q", content[:8])[0]
    header = json.loads(content[8:8 + size])
    metadata = header.pop("__metadata__", {})
    tensors = {name: (one["dtype"], one["shape"], content[8 + size + one["data_offsets"][0]:8 + size + one["data_offsets"][1]])
               for name, one in header.items()}
    return tensors, metadata


def write(path, tensors, metadata=None):
    """Writes tensors, and texts beside them."""
    header, data = {"__metadata__": metadata or {}}, b""
    for name, (dtype, shape, content) in tensors.items():
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(data), len(data) + len(content)]}
        data += content
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)
    return path


def floats(content):
    numbers = array.array("f")
    numbers.frombytes(content)
    return list(numbers)


def tensor(shape, values=None, seed=0):
    """A tensor of these numbers, or of random ones."""
    size = 1
    for extent in shape:
        size *= extent
    source = random.Random(seed)
    values = values or [source.uniform(-0.3, 0.3) for _ in range(size)]
    return "F32", list(shape), struct.pack(f"<{size}f", *values)


def state_dict(tensors):
    """What of a reference file is the model's."""
    beside = ("fixture.", "grad.", "attn.", "pruned.", "adam.", "train.")
    return {name: one for name, one in tensors.items() if not name.startswith(beside)}


def under(prefix, tensors):
    return {prefix + name: one for name, one in tensors.items()}


def itransformer(lookback=8, horizon=2, width=8, ffn=12, depth=2):
    """The state dict of an iTransformer."""
    shapes = {"enc_embedding.value_embedding": [width, lookback]}
    for layer in range(depth):
        place = f"encoder.attn_layers.{layer}."
        for part in ("query", "key", "value", "out"):
            shapes[f"{place}attention.{part}_projection"] = [width, width]
        shapes[place + "conv1"], shapes[place + "conv2"] = [ffn, width, 1], [width, ffn, 1]
        shapes[place + "norm1"] = shapes[place + "norm2"] = [width]
    shapes["encoder.norm"], shapes["projection"] = [width], [horizon, width]
    made = {}
    for number, (name, shape) in enumerate(shapes.items()):
        made[name + ".weight"] = tensor(shape, seed=number)
        made[name + ".bias"] = tensor(shape[:1], seed=1000 + number)
    return made


def series(path, channels, window=(), rows=1200, dated=False, seed=7):
    """Writes a series whose last rows are `window` in scaled units. Returns mean and deviation of each channel."""
    source = random.Random(seed)
    columns = [[20 * c + source.gauss(0, 1 + c) for _ in range(rows)] for c in range(channels)]
    scalers = []
    for column in columns:
        part = column[:int(0.7 * rows)]
        mean = sum(part) / len(part)
        scalers.append((mean, (sum((one - mean) ** 2 for one in part) / len(part)) ** 0.5))
    for c, column in enumerate(columns):
        for i, row in enumerate(window):
            column[rows - len(window) + i] = row[c] * scalers[c][1] + scalers[c][0]
    hour = datetime.datetime(2024, 1, 1)
    with open(path, "w", encoding="ascii") as file:
        file.write(",".join((["date"] if dated else []) + [f"c{c}" for c in range(channels)]) + "\n")
        for i, row in enumerate(zip(*columns)):
            time = [str(hour + datetime.timedelta(hours=i))] if dated else []
            file.write(",".join(time + [repr(one) for one in row]) + "\n")
    return scalers
