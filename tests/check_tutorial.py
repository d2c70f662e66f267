#!/usr/bin/env python3
"""Fails unless the C++ blocks of docs/custom_model.md, one after another, are examples/custom_model.cpp."""
import pathlib
import re
import sys

root = pathlib.Path(__file__).resolve().parents[1]
page = (root / "docs/custom_model.md").read_text()
blocks = "\n".join(re.findall(r"^```cpp\n(.*?)^```$", page, re.M | re.S))


def lines(text):
    return [line.rstrip() for line in text.splitlines() if line.strip()]


shown, compiled = lines(blocks), lines((root / "examples/custom_model.cpp").read_text())
for number, (a, b) in enumerate(zip(shown, compiled), 1):
    if a != b:
        sys.exit(f"docs/custom_model.md differs from examples/custom_model.cpp at its line {number} of code:\n  {a}\n  {b}")
if len(shown) != len(compiled):
    sys.exit(f"docs/custom_model.md has {len(shown)} lines of code, examples/custom_model.cpp {len(compiled)}")
print(f"tutorial ok: {len(shown)} lines")
