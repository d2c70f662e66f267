#!/usr/bin/env python3
"""Fails unless the C++ blocks of docs/custom_model.md, one after another, are examples/custom_model.cpp.

With --fix, lines of the page's code that differ are replaced by the example's.
"""
import difflib
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
PAGE, EXAMPLE = ROOT / "docs/custom_model.md", ROOT / "examples/custom_model.cpp"
BLOCK = re.compile(r"^```cpp\n(.*?)^```$", re.M | re.S)


def lines(text):
    return [line.rstrip() for line in text.splitlines() if line.strip()]


def fixed(page, example):
    """The page with the example's code; a block begins at the example's line that matches its own first line best."""
    code = [line.rstrip() for line in example.splitlines()]
    found = list(BLOCK.finditer(page))
    shown = [line.rstrip() for block in found for line in block.group(1).splitlines()]
    place = {}
    for _, a, b, c, d in difflib.SequenceMatcher(None, shown, code, autojunk=False).get_opcodes():
        place.update({i: min(c + i - a, d) for i in range(a, b)})
    starts, first = [], 0
    for block in found:
        starts.append(place[first])
        first += len(block.group(1).splitlines())
    starts[0] = 0
    new = ["\n".join(code[i:j]).strip("\n") + "\n" for i, j in zip(starts, starts[1:] + [len(code)])]
    new = iter(new)
    return BLOCK.sub(lambda _: f"```cpp\n{next(new)}```", page)


def main():
    page, example = PAGE.read_text(), EXAMPLE.read_text()
    if sys.argv[1:] == ["--fix"]:
        page = fixed(page, example)
        PAGE.write_text(page)
    shown, compiled = lines("\n".join(BLOCK.findall(page))), lines(example)
    for number, (a, b) in enumerate(zip(shown, compiled), 1):
        if a != b:
            sys.exit(f"docs/custom_model.md differs from examples/custom_model.cpp at its line {number} of code:\n  {a}\n  {b}")
    if len(shown) != len(compiled):
        sys.exit(f"docs/custom_model.md has {len(shown)} lines of code, examples/custom_model.cpp {len(compiled)}")
    print(f"tutorial ok: {len(shown)} lines")


if __name__ == "__main__":
    main()
