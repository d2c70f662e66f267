"""Writes checkpoints with PyTorch, for import.py: import_torch.py JOBS.json, a list of {tensors, out, form}.

Exits with 3 if there is no PyTorch.
"""
import collections
import json
import pathlib
import sys

sys.dont_write_bytecode = True
try:
    import torch
except ImportError:
    sys.exit(3)
from import_files import read

TYPES = {"F32": torch.float32, "I64": torch.int64}
FLOATS = {"half": torch.float16, "bfloat": torch.bfloat16, "double": torch.float64}


class Model(torch.nn.Module):
    """A model that is saved whole, as nobody should."""

    def __init__(self):
        super().__init__()
        self.linear = torch.nn.Linear(2, 2)


def save(job):
    tensors, _ = read(pathlib.Path(job["tensors"]))
    state = collections.OrderedDict(
        (name, torch.frombuffer(bytearray(content), dtype=TYPES[dtype]).reshape(shape))
        for name, (dtype, shape, content) in tensors.items())
    form = job["form"]
    if form in FLOATS:
        state = {name: one.to(FLOATS[form]) if one.is_floating_point() else one for name, one in state.items()}
    if form == "lightning":
        parameter = torch.nn.Parameter(torch.zeros(3))
        adam = torch.optim.Adam([parameter])
        parameter.sum().backward()
        adam.step()
        state = {"epoch": 3, "state_dict": state, "optimizer_states": [adam.state_dict()],
                 "hyper_parameters": dict(job["records"])}
    if form == "whole":
        state = Model()
    torch.save(state, job["out"], _use_new_zipfile_serialization=form != "legacy")


for one in json.loads(pathlib.Path(sys.argv[1]).read_text()):
    save(one)
