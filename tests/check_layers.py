#!/usr/bin/env python3
"""Fails when a header under include/spat breaks the layering, or when spat.hpp does not list them all.

Usage: check_layers.py [--fix] [include folder]      --fix rewrites the list in spat.hpp
"""
import pathlib
import re
import sys

LAYERS = ["core", "io", "data", "kernels", "autograd", "nn", "models", "export", "criteria", "train", "prune", "report", "pipeline"]  # low to high
# Libraries that cost parse time stay behind the layers that need them.
ONLY_IN = {"xsimd": ["kernels"]}

SPAT = re.compile(r'^\s*#\s*include\s*<spat/([^>]+)>', re.M)
QUOTED = re.compile(r'^\s*#\s*include\s*("[^"]*")', re.M)
OTHER = re.compile(r'^\s*#\s*include\s*<(?!spat/)(\w+)[/.>]', re.M)
FIRST = re.compile(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]', re.M)
REFUSALS = "core/toolchain.hpp"  # what all others include first, on some way
OPT_IN = {"core/eigen.hpp"}  # costs a second of parse time, and nothing in spat needs it
RANK = {name: i for i, name in enumerate(LAYERS)}


def umbrella(names):
    """The includes of spat.hpp: version.hpp and every header in a folder but OPT_IN, low to high, a folder before those in it."""
    public = sorted((n for n in names if "/" in n and n.split("/")[0] in RANK and n not in OPT_IN),
                    key=lambda n: (RANK[n.split("/")[0]], n.rpartition("/")))
    return ["version.hpp"] + public


def cycle(graph):
    """Some list of headers that include each other in a ring, or None."""
    done, path = set(), []

    def visit(node):
        if node in path:
            return path[path.index(node):] + [node]
        if node in done:
            return None
        path.append(node)
        for target in graph.get(node, []):
            if found := visit(target):
                return found
        path.pop()
        done.add(node)
        return None

    return next(filter(None, map(visit, sorted(graph))), None)


def check(root):
    texts = {h.relative_to(root).as_posix(): h.read_text() for h in sorted(root.rglob("*.hpp"))}
    graph = {name: SPAT.findall(text) for name, text in texts.items()}
    for name, text in texts.items():
        where = f"include/spat/{name}"
        for target in graph[name]:
            if target not in texts:
                yield f"{where}: there is no <spat/{target}>"
        for target in QUOTED.findall(text):
            yield f"{where}: {target} must be written <spat/...>"
        if "/" not in name:
            continue  # the doors and version.hpp belong to no layer
        folder = name.split("/")[0]
        if folder not in RANK:
            yield f"{where}: {folder} is not a layer"
            continue
        if not re.match(rf"// {folder}\. \S", text):
            yield f'{where}: the first line must be "// {folder}. <what it is>"'
        if (first := FIRST.search(text)) and not first[1].startswith("spat/") and name != REFUSALS:
            yield f"{where}: the first include must be one of spat, for the refusals of {REFUSALS} and the tag SPAT_ABI"
        for target in graph[name]:
            layer = target.split("/")[0] if "/" in target else folder
            if target == "spat.hpp":
                yield f"{where}: must not include everything"
            elif RANK.get(layer, 0) > RANK[folder]:
                yield f"{where}: {folder} must not include {layer} ({target})"
        for library in OTHER.findall(text):
            if folder not in ONLY_IN.get(library, LAYERS):
                yield f"{where}: {library} is for {', '.join(ONLY_IN[library])} only"
    if ring := cycle(graph):
        yield "include cycle: " + " -> ".join(ring)

    listed, expected = graph.get("spat.hpp", []), umbrella(texts)
    for name in expected:
        if name not in listed:
            yield f"include/spat/spat.hpp: <spat/{name}> is missing"
    for name in listed:
        if name not in expected:
            yield f"include/spat/spat.hpp: <spat/{name}> is not a public header"
    if sorted(listed) == sorted(expected) and listed != expected:
        yield "include/spat/spat.hpp: not in the order of the layers, then of the names (--fix sorts it)"
    if OTHER.search(texts.get("spat.hpp", "")):
        yield "include/spat/spat.hpp: must include headers of spat only"


def fix(root):
    """Rewrites spat.hpp as its leading comment, the guard and the includes, a blank line between folders."""
    header = root / "spat.hpp"
    lines = header.read_text().split("#pragma once")[0].rstrip() + "\n#pragma once\n"
    folder = None
    for name in umbrella(h.relative_to(root).as_posix() for h in root.rglob("*.hpp")):
        if name.rpartition("/")[0] != folder:
            folder = name.rpartition("/")[0]
            lines += "\n"
        lines += f"#include <spat/{name}>\n"
    header.write_text(lines)


def main():
    arguments = [a for a in sys.argv[1:] if a != "--fix"]
    include = pathlib.Path(arguments[0]) if arguments else pathlib.Path(__file__).parent.parent / "include"
    if "--fix" in sys.argv:
        fix(include / "spat")
    bad = list(check(include / "spat"))
    print("\n".join(bad) or f"layers ok: {' < '.join(LAYERS)}")
    return bool(bad)


if __name__ == "__main__":
    sys.exit(main())
