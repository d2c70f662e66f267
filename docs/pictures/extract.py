#!/usr/bin/env python3
"""One chart of a report.html as a file of its own: extract.py REPORT LABEL > CHART.svg

LABEL is the beginning of the chart's aria-label, e.g. "Validation loss of each mask". The file carries the rules of the
report's style sheet that charts use, so it needs nothing else; it follows the reader's light or dark scheme.
"""
import pathlib
import re
import sys

MARGIN = 16


def chart(report, label):
    """The first <svg> with this label; the report has it once wide and once narrow."""
    found = re.search(rf"<svg role='img' viewBox='([^']*)' aria-label='({re.escape(label)}[^']*)'>(.*?)</svg>", report, re.S)
    if not found:
        labels = sorted(set(re.findall(r"aria-label='([^']*)'", report)))
        sys.exit(f"extract.py: no chart starts with {label!r}; there are: " + "; ".join(labels))
    return found.groups()


def style(report):
    """The colours of both schemes, and the rules of svg."""
    sheet = re.search(r"<style>(.*?)</style>", report, re.S).group(1)
    colours = re.findall(r"^:root \{.*?^\}|^@media screen and \(prefers-color-scheme: dark\) \{.*?^\}", sheet, re.M | re.S)
    rules = re.findall(r"^svg [^{]*\{.*?\}", sheet, re.M | re.S)
    rules = [rule.removeprefix("svg ").replace(" svg ", " ") for rule in rules]
    font = 'svg { font-family: system-ui, -apple-system, "Segoe UI", Roboto, Helvetica, Arial, sans-serif; }'
    return "\n".join([*colours, font, *rules])


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    report = pathlib.Path(sys.argv[1]).read_text()
    box, label, drawing = chart(report, sys.argv[2])
    x, y, width, height = (float(number) for number in box.split())
    outer = f"{x - MARGIN:g} {y - MARGIN:g} {width + 2 * MARGIN:g} {height + 2 * MARGIN:g}"
    print(f'<svg xmlns="http://www.w3.org/2000/svg" role="img" viewBox="{outer}" aria-label="{label}">')
    print(f"<style>\n{style(report)}\n</style>")
    print(f'<rect x="{x - MARGIN:g}" y="{y - MARGIN:g}" width="100%" height="100%" style="fill: var(--page)"/>')
    print(drawing.strip())
    print("</svg>")


if __name__ == "__main__":
    main()
