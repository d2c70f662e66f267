"""The table of docs/portability.md, as scripts/portability.py writes it."""
import pathlib

ROOT = pathlib.Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs/portability.md"
BEGIN, END = "<!-- portability.py: begin -->\n", "<!-- portability.py: end -->\n"
HEAD = "| target | how | what was run | result | date |\n|---|---|---|---|---|\n"


def rows_of(text):
    """{target/check: line} of a table."""
    rows = {}
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        if line.startswith("|") and len(cells) == 5 and line not in HEAD:
            rows[f"{cells[0]}/{cells[2]}"] = line
    return rows


def row(key, found):
    target, _, check = key.partition("/")
    cells = [target, found["how"], check, found["result"], found["date"]]
    return "| " + " | ".join(cell.replace("|", "/") for cell in cells) + " |"


def replaced(page, results, order):
    """The page with the rows of `results`. Other rows stay if `order` still names them; `order` is that of the rows."""
    before, _, rest = page.partition(BEGIN)
    table, marker, after = rest.partition(END)
    if not marker:
        raise ValueError(f"{PAGE.name} lacks the lines {BEGIN.strip()} and {END.strip()}")
    rows = {**rows_of(table), **{key: row(key, found) for key, found in results.items()}}
    return before + BEGIN + HEAD + "".join(rows[key] + "\n" for key in order if key in rows) + END + after


def write_table(results, order):
    PAGE.write_text(replaced(PAGE.read_text(), results, order))
