"""Kinds of files by their form: separators, decimal signs, quotes, headers, and what is no table."""
from foreign_files import HORIZON, dated, hours, table, two, wave
from tool_check import R, header_of, kind, notes_of


@kind
def separators(check):
    """Comma, semicolon, tab and bar, each with LF, CRLF and CR, with and without a last end of line."""
    times, columns = hours(408), two(400)
    for separator in ",;\t|":
        for end in "\n", "\r\n", "\r":
            content = dated(times, columns, separator=separator, end=end)
            path = check.write(content.rstrip() if end == "\n" else content)
            check.read(path, columns, times, said=notes_of(check, path))
    check.read(dated(times, columns, separator=";"), columns, times, extra=["--separator", ";"])


@kind
def decimal_commas(check):
    """Decimal commas with semicolon, tab and bar; of one column; of few digits."""
    comma = lambda value: str(value).replace(".", ",")
    for separator in ";\t|":
        for columns in {"Last": wave(400), "Temperatur": wave(400, -5.0, 9.0)}, {"load": wave(300, 0.5, 0.4, 1)}:
            rows = len(next(iter(columns.values())))
            times = hours(rows + HORIZON)
            check.read(dated(times, columns, "Datum", separator=separator, write=comma), columns, times, "Datum",
                       said=["fields are separated by", "numbers have a decimal comma"])


@kind
def thousands(check):
    """Numbers such as 1.234.567,5 and 1,234,567.5, in quotes where they need them, with the option; refused without."""
    columns, times = {"load": wave(400, 2e6, 9e5, 1)}, hours(408)
    english = lambda value: f'"{value:,.1f}"'
    german = lambda value: f"{value:,.1f}".translate(str.maketrans(",.", ".,"))
    check.read(dated(times, columns, write=english), columns, times, extra=["--thousands", ","])
    path = check.write(dated(times, columns, separator=";", write=german))
    check.read(path, columns, times, extra=["--thousands", ".", "--decimal", ",", "--separator", ";"])
    check.refused(dated(times, columns, separator=";", write=german), "no column of numbers", extra=["--separator", ";"])


@kind
def marks_quotes_and_names(check):
    """A byte order mark, quotes with separators, quotes and ends of lines within them, blanks, and names of other letters."""
    times, columns = hours(408), two(400)
    check.read(b"\xef\xbb\xbf" + dated(times, columns).encode(), columns, times)
    quoted = {'"load, of ""A"""': columns["load"], '"temp"': columns["temp"]}
    model = check.train(check.write(dated([f'"{time}"' for time in times], quoted, '"date"', write=lambda value: f'"{value}"')))
    if model:
        check.that(header_of(model)[1]["columns"] == ['load, of "A"', "temp"],
                   f"quoted names are {header_of(model)[1]['columns']}")
        done = check.call("forecast", "--model", model, "--data", check.write(dated(times, quoted)))
        check.that(done.stdout.startswith('date,"load, of ""A""",temp\n'), f"a quoted name is written as {done.stdout[:40]!r}")
    for names, coding in [(("Wärme", "Kälte °C"), "utf-8"), (("Wärme", "Kälte °C"), "latin-1"), (("负荷", "温度"), "utf-8")]:
        path = check.write(dated(times, dict(zip(names, columns.values()))).encode(coding))
        model = check.train(path, said=notes_of(check, path))
        if model:
            check.that(header_of(model)[1]["columns"] == list(names),
                       f"{coding}: the names are {header_of(model)[1]['columns']}")
    check.read(dated(times, columns, separator=" , "), columns, times)


@kind
def trailing_separator(check):
    """A separator at the end of each line, of the rows alone, and of the header alone."""
    times, columns = hours(408), two(400)
    for separator in ",;":
        content = dated(times, columns, separator=separator, end=separator + "\n")
        path = check.write(content)
        check.read(path, columns, times, said=notes_of(check, path))
    header, rows = dated(times, columns).split("\n", 1)
    check.refused(header + ",\n" + rows, "data.csv:2: expected 4 fields, found 3")
    check.refused(header + "\n" + rows.replace("\n", ",\n"), "data.csv:2: expected 3 fields, found 4")


@kind
def headers(check):
    """A header of numbers, none at all, and what the options say of it."""
    columns = {"0": wave(400), "1": wave(400, 100.0, 20.0)}
    path = check.write(table(columns))
    ahead = [str(1 + i) for i in range(HORIZON)]
    check.read(path, columns, ahead, "step", said=notes_of(check, path))
    three = {"0": wave(300), "1": wave(300, 7.0, 1.0), "2": wave(300, -7.0, 1.0)}
    path = check.write(table(three))
    check.read(path, three, ahead, "step", said=notes_of(check, path))
    other = {"7": wave(400), "9": wave(400, 100.0, 20.0)}
    check.read(table(other), other, ahead, "step", extra=["--header"])
    for extra, content in [(["--no-header"], table(columns)), ([], table(other).split("\n", 1)[1])]:
        path = check.write(content)
        done = check.call("run", "--data", path, *R, *extra, "--out", path.parent / "out")
        if check.that(done.returncode == 0, f"no header {extra}: {done.stderr[:300]}"):
            rows = header_of(path.parent / "out" / "dense.safetensors")[1]["rows"]
            check.that(rows == content.count("\n"), f"no header {extra}: {rows} rows of {content.count(chr(10))}")


@kind
def too_little(check):
    """Empty files, headers alone, a folder, no file, times alone, one row, and files shorter than a window."""
    check.refused(b"", "data.csv", "empty")
    check.refused("\n\n", "data.csv")
    check.refused("date,load,temp\n", "data.csv", "no rows")
    check.refused(check.place(), "directory")
    check.refused(check.work / "absent.csv", "absent.csv")
    check.refused(table({"date": hours(400)}), "data.csv", "no column of numbers")
    for rows in 1, 20, 31, 40:
        check.refused(dated(hours(rows), two(rows)), "data.csv", f"{rows} row")
    check.refused(dated(hours(400), two(400)), "data.csv", "400 rows",
                  command=["run", "--data", check.write(dated(hours(400), two(400))), *R[:5], "500", *R[6:]])
    model = check.train(check.write(dated(hours(400), two(400))))
    short = check.write(dated(hours(23), two(23)), "short.csv")
    if model:
        check.refused(short, "short.csv", "24 rows", "23", command=["forecast", "--model", model, "--data", short])
        done = check.call("evaluate", "--model", model, "--data", short)
        check.that(done.returncode == 2 and "short.csv" in done.stderr and "MSE" not in done.stdout,
                   f"evaluate: {done.returncode}, {done.stderr}")


@kind
def not_text(check):
    """Bytes of other files: UTF-16, a compressed file, zeros within a line."""
    content = dated(hours(400), two(400))
    check.refused(content.encode("utf-16"), "data.csv")
    check.refused(b"\x1f\x8b\x08\x00" + bytes(range(256)) * 20, "data.csv")
    check.refused(content.replace("10:00:00,", "10:00:00,\0", 1), "data.csv:12")
