"""Kinds of files by their columns, and by the numbers in them."""
from foreign_files import HORIZON, dated, hours, table, two, wave
from tool_check import R, kind, notes_of


@kind
def one_column(check):
    """A single column of numbers, with and without times."""
    columns = {"load": wave(400)}
    check.read(dated(hours(408), columns), columns, hours(408))
    path = check.write(table(columns))
    check.read(path, columns, [str(1 + i) for i in range(HORIZON)], "step", said=notes_of(check, path))


@kind
def wide(check):
    """1364, 1365 and 2000 columns, through every command that a model can have."""
    for count in 1364, 1365, 2000:
        columns = {f"s{c}": [float(r * r * (c + 3) % 101 + r % 7) for r in range(100)] for c in range(count)}
        path = check.write(dated(hours(108), columns))
        model = check.read(path, columns, hours(108))
        if model:
            for command in ["run", "--data", path, *R, "--resume", "--out", model.parent], ["inspect", model]:
                done = check.call(*command)
                check.that(done.returncode == 0 and not done.stderr, f"{count} columns: {command[0]}: {done.stderr[:200]}")
    sizes = "--lookback 8 --horizon 2 --layers 2 --width 4 --ffn 4 --heads 1 --epochs 1 --quiet --latency-seconds 0".split()
    model = check.train(path, "--window-stride", "20", "--drop", "0", model=sizes)
    if model:
        out = check.place() / "out"
        for command in ["prune", "--model", model, "--data", path, *"--drop 1 --window-stride 20 --finetune-epochs 0".split(),
                        *"--scoring-batches 1 --latency-seconds 0 --quiet --out".split(), out], \
                       ["forecast", "--model", out / "pruned.safetensors", "--data", path]:
            done = check.call(*command)
            check.that(done.returncode == 0 and not done.stderr, f"{count} columns: {command[0]}: {done.stderr[:200]}")
        lines = done.stdout.splitlines()
        check.that(lines and lines[0] == ",".join(["date", *columns]) and len(lines) == 3,
                   f"{count} columns: forecast {done.stdout[:80]}")


@kind
def columns_of_text(check):
    """Columns of text are left out and named; a model does not need them in other files, nor mind them."""
    times, columns = hours(408), two(400)
    base = check.read(dated(times, columns), columns, times)
    for name, cell in ("site", "North"), ("note, long", '"a, b"'):
        for order in (0, 1, 3):
            items = [("date", times[:400]), *columns.items()]
            items.insert(order, (f'"{name}"', [cell] * 400))
            content, said = table(dict(items)), [name] + (["date"] if order == 0 else [])
            path = check.write(content)
            notes = notes_of(check, path, said[:1])
            check.read(path, columns, times, said=notes)
            if base:
                check.forecast(base, path, columns, times, said=notes)


@kind
def other_columns(check):
    """A model of one column forecasts any file that has it, whatever the others are; a missing column is named."""
    times, columns = hours(408), two(400)
    one = {"load": columns["load"]}
    swapped = {"temp": columns["temp"], "load": columns["load"]}
    model = check.train(check.write(dated(times, swapped)), "--features", "S")
    target = check.train(check.write(dated(times, columns)), "--features", "S", "--target", "load")
    broken = {"temp": [*columns["temp"][:100], "broken", *columns["temp"][101:]], **one}
    for each in filter(None, [model, target]):
        for other in one, swapped, columns, {**one, "site": ["North"] * 400, "x": wave(400, 0.0, 1.0)}, broken:
            done = check.call("forecast", "--model", each, "--data", check.write(dated(times, other)))
            lines = done.stdout.splitlines()
            check.that(done.returncode == 0 and lines[0] == "date,load"
                       and [line.split(",")[0] for line in lines[1:]] == times[400:],
                       f"features S, columns {list(other)}: {done.stderr[:200]}")
        check.refused(dated(times, one), 'no column "load"', '"temp"',
                      command=["forecast", "--model", each, "--data", check.write(dated(times, {"temp": columns["temp"]}))])
    both = check.train(check.write(dated(times, columns)))
    if both:
        path = check.write(dated(times, swapped))
        check.forecast(both, path, columns, times)
        check.refused(path, 'no column "temp"', command=["forecast", "--model", both, "--data", check.write(dated(times, one))])


@kind
def duplicate_names(check):
    """Two columns of one name are refused, with both of them; an option that leaves them out helps nobody who needs them."""
    rows = zip(hours(400), wave(400), wave(400, 5.0, 1.0), wave(400, 7.0, 1.0))
    lines = "".join(",".join(map(str, row)) + "\n" for row in rows)
    check.refused("date,load,load,temp\n" + lines, 'columns 2 and 3 are both called "load"')
    check.refused("date,load,temp,load\n" + lines, 'columns 2 and 4 are both called "load"')
    check.refused('date,load,temp,"load"\n' + lines, 'columns 2 and 4 are both called "load"')
    check.refused("date,load,temp,date\n" + lines, 'columns 1 and 4 are both called "date"')


@kind
def numbers(check):
    """Numbers with signs, exponents and without digits before or after the point; very small, very large and constant ones."""
    times, base = hours(408), wave(400)
    forms = [lambda v: f"+{v}", lambda v: f"{v:.5e}", lambda v: f"{v:.5E}", lambda v: f"{v / 100:.6f}"[1:],
             lambda v: f"{int(v)}.", lambda v: f"-{v}"]
    for form in forms:
        columns = {"load": [float(form(value)) for value in base]}
        check.read(dated(times, {"load": [form(value) for value in base]}), columns, times)
    for scale in 1e-30, 1e-150, 1e-300, 1e30, 1e150, 1e300:
        columns = {"load": [value * scale for value in base]}
        path = check.write(dated(times, columns, write=repr))
        done = check.call("run", "--data", path, *R, "--out", path.parent / "out")
        if done.returncode == 2:
            check.that("load" in done.stderr and "data.csv" in done.stderr, f"numbers near {scale}: {done.stderr}")
        else:
            check.read(path, columns, times)
    constant = {"load": base, "flat": [5.25] * 400}
    path = check.write(dated(times, constant))
    model = check.train(path, said=['column "flat" is constant'])
    if model:
        done = check.call("forecast", "--model", model, "--data", path)
        flat = [float(line.split(",")[2]) for line in done.stdout.splitlines()[1:]]
        check.that(len(flat) == HORIZON and all(abs(value - 5.25) < 0.1 for value in flat), f"a constant goes on with {flat}")


@kind
def meter_reading(check):
    """A counter that rises by little: its forecasts are near its last value, and have digits that tell them apart."""
    for start, step, decimals in [(1234567890, 0.25, 2), (98765432100, 1.5, 1)]:
        meter = [round(start + step * (i + (i * 37 % 11) / 5), decimals) for i in range(400)]
        columns, times = {"meter": meter, "temp": wave(400, 100.0, 20.0, 2)}, hours(408)
        model = check.read(dated(times, columns, write=lambda value: f"{value:.2f}"), columns, times)
        if model:
            done = check.call("forecast", "--model", model, "--data", check.write(dated(times, columns, write=repr)))
            cells = [line.split(",")[1] for line in done.stdout.splitlines()[1:]]
            check.that(len(set(cells)) == HORIZON and all("e" not in cell and abs(float(cell) - meter[-1]) < 40 * step
                                                          for cell in cells),
                       f"a meter at {meter[-1]} goes on with {cells}")


@kind
def bad_cells(check):
    """Cells that are no numbers: refused with file, line, column and cell."""
    for line, cell in [(7, "NA"), (8, "nan"), (9, "inf"), (10, ""), (11, "1,5"), (12, "12h"), (401, "-"), (200, "1e999"),
                       (30, "0x1F"), (31, "null")]:
        content = dated(hours(400), two(400), separator=";").split("\n")
        parts = content[line - 1].split(";")
        content[line - 1] = ";".join([parts[0], parts[1], cell])
        check.refused("\n".join(content), f'data.csv:{line}: column "temp"', cell)
    content = dated(hours(400), two(400)).split("\n")
    content[99] += ",1"
    check.refused("\n".join(content), "data.csv:100: expected 3 fields, found 4")
    content[99] = content[99].rsplit(",", 2)[0]
    check.refused("\n".join(content), "data.csv:100: expected 3 fields, found 2")
