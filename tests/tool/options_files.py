"""The files of options.py: series of 160 hours in several forms, and checkpoints."""
import datetime
import json
import math
import pathlib
import struct


def make_files():
    """The series of the entries, of 160 hours: as they are, of another form, or with something wrong."""
    def write(name, lines, separator=","):
        pathlib.Path(name).write_text("".join(separator.join(map(str, line)) + "\n" for line in lines))

    def wave(scale, level):
        return [[round(level * (j + 1) + scale * (math.sin(i / (3 + j)) + (i * i * 31 + 7 * j) % 17 / 9), 2) for j in range(3)]
                for i in range(160)]

    times, cells = [datetime.datetime(2024, 1, 1) + datetime.timedelta(hours=i) for i in range(168)], wave(3, 10)
    rows, head = [[time, *row] for time, row in zip(times, cells)], ["date", "a", "b", "c"]
    write("plant.csv", [head, *rows])
    write("other.csv", [[*head, "d"], *([time, *row, row[0] + 1] for time, row in zip(times, wave(9, 50)))])
    write("notes.csv", [[*head, "note;of"], *([*row, "x;y"] for row in rows)])
    write("thousands.csv", [head, *([time, *(f"{int(x) // 10}.{int(x * 100) % 1000:03}" for x in row)]
                                    for time, *row in rows)], ";")
    write("quoted.csv", [head, *([time, *(f'"{x:.2f}"'.replace(".", ",") for x in row)] for time, *row in rows)])
    write("slashes.csv", [head, *([time.strftime("%d/%m/%Y %H:%M"), *row] for time, *row in rows)])
    write("gap.csv", [head, *rows[:49], *rows[50:]])
    for name, hole in ("holes.csv", ""), ("codes.csv", -9999):
        write(name, [head, *([*row[:2], hole if i % 7 > 4 else row[2], row[3]] for i, row in enumerate(rows))])
    write("years.csv", [[2021, 2022, 2023], *cells])
    write("bare.csv", cells)
    write("long.csv", [["id", "date", "load"], *([head[j], row[0], row[j]] for j in (1, 2, 3) for row in rows)])
    write("days.csv", [head, *([times[0] + datetime.timedelta(days=i), *row] for i, row in enumerate(cells))])
    write("future.csv", [["date"], *([time] for time in times[164:])])


def make_checkpoints(model):
    """Files with the tensors of a model file, but nothing else of it: as they are, under other names, or of other types."""
    data = pathlib.Path(model).read_bytes()
    size = struct.unpack("<Q", data[:8])[0]
    head, numbers = json.loads(data[8:8 + size]), data[8 + size:]
    del head["__metadata__"]

    def write(name, tensors, content):
        text = json.dumps(tensors).encode()
        pathlib.Path(name).write_bytes(struct.pack("<Q", len(text)) + text + content)

    def wide(entry):
        return {**entry, "dtype": "F64", "data_offsets": [2 * place for place in entry["data_offsets"]]}
    floats = struct.unpack(f"<{len(numbers) // 4}f", numbers)
    more = {"dtype": "F32", "shape": [1], "data_offsets": [len(numbers), len(numbers) + 4]}
    write("checkpoint.safetensors", {f"module.{name}": entry for name, entry in head.items()}, numbers)
    write("plain.safetensors", head, numbers)
    write("mapped.safetensors", {name.replace("norm.", "ln."): entry for name, entry in head.items()}, numbers)
    pathlib.Path("names.txt").write_text("encoder.ln. = encoder.norm.\n")
    write("wide.safetensors", {name: wide(entry) for name, entry in head.items()}, struct.pack(f"<{len(floats)}d", *floats))
    write("more.safetensors", {**head, "revin.affine_weight": more}, numbers + bytes(4))
