"""What the tool says of a file, with and without --quiet, and how it names columns of times and of row numbers."""
from foreign_files import HORIZON, dated, hours, table, two
from tool_check import T, kind, notes_of

PROGRESS = ("epoch ", "mask ")


@kind
def quiet(check):
    """Commands that train show progress, and none with --quiet; those that do not tell notes, and none with --quiet.

    Warnings are told in any case, and so are the notes of commands that train.
    """
    times = [time for i, time in enumerate(hours(401)) if i != 50]
    path = check.write(dated(times, two(400), separator=";"))
    note, warning = "data.csv: fields are separated by", "warning: " + str(path) + ":52: "
    model = check.train(path, "--epochs", "1", said=[note, warning], model=T)
    if not model:
        return
    sizes = [*T[:-3], "--epochs", "1", "--latency-seconds", "0"]
    more = {"run": [*sizes, "--drop", "0"], "compare": [*sizes, "--finetune-epochs", "1", "--most-masks", "4"],
            "prune": ["--model", model, "--finetune-epochs", "1", "--scoring-batches", "1", "--latency-seconds", "0"],
            "update": ["--model", model, "--epochs", "1"], "latency": [*T[:-3], "--seconds", "0.02"],
            "evaluate": ["--model", model], "forecast": ["--model", model], "backtest": ["--model", model]}
    for command, arguments in more.items():
        trains = command in ("run", "compare", "prune", "update")
        for silent in False, True:
            out = check.place() / "out.safetensors"
            done = check.call(command, "--data", path, *arguments, *(["--out", out] if trains else []),
                              *(["--quiet"] if silent else []))
            lines, what = [line for line in done.stderr.splitlines() if line], f"{command}{' --quiet' * silent}"
            check.that(done.returncode == 0, f"{what}: exit code {done.returncode}, {done.stderr[:300]}")
            progress = [line for line in lines if any(word in line for word in PROGRESS)]
            rest = [line for line in lines if line not in progress]
            check.that(bool(progress) == (trains and not silent), f"{what}: progress {progress[:2]}")
            right = [note, warning] if trains or not silent else [warning]
            check.that(len(rest) == len(right) and all(one in line for one, line in zip(right, rest)), f"{what}: says {rest}")


@kind
def row_numbers(check):
    """A first column without name, or `Unnamed: 0`, that starts with 0 or 1 beside dates is left out, and said to be."""
    times, columns = hours(408), two(400)
    note, base = "data.csv: the first column numbers the rows and is not read", None
    for name, first in ("", 0), ("Unnamed: 0", 1), ("Unnamed: 0", 0), ("", 1):
        content = table({name: [str(first + i) for i in range(400)], "date": times[:400], **columns})
        base = check.read(content, columns, times, said=[note, 'column "date" is read as times'])
    if base:  # the model knows its columns, with the numbers and without them
        check.forecast(base, check.write(dated(times, columns)), columns, times)
    # another start, or another name, is a channel like any
    for name, first, told in ("", 5, "c0"), ("Unnamed: 0", 7, "Unnamed: 0"), ("row", 0, "row"):
        content = table({name: [str(first + i) for i in range(400)], "date": times[:400], **columns})
        check.read(content, {told: [float(first + i) for i in range(400)], **columns}, times,
                   said=['column "date" is read as times', f'column "{told}" rises by 1 in every row'])
    # without dates it is the index, whose name stays as it is
    index = [str(1 + i) for i in range(408)]
    path = check.write(table({"": index[:400], **columns}))
    check.read(path, columns, index, "", said=notes_of(check, path))


@kind
def names_of_times(check):
    """A column with the name of the column of times is refused, by default and by option, within blanks and quotes."""
    times, columns = hours(400), two(400)
    rows = [f"{time},{load},{temp}\n" for time, load, temp in zip(times, *columns.values())]
    for header in "date,load,date", 'date,load,"date"', "date,load,date ", "date,date,temp":
        check.refused(header + "\n" + "".join(rows), "data.csv", "column", '"date"')
    for header in "when,load,when", "load,when,when":
        check.refused(header + "\n" + "".join(rows), "data.csv", "column", '"when"', extra=["--time-column", "when"])


@kind
def padding_of_hours(check):
    """Hours of one digit go on so, over midnight, noon and the end of a month; hours of two digits keep both."""
    for rows in 400, 396, 388, 740:
        every = hours(rows + HORIZON)
        day, hour = [time[:10] for time in every], [int(time[11:13]) for time in every]
        half = ["AM" if one < 12 else "PM" for one in hour]
        for times in ([f"{d} {h}:00" for d, h in zip(day, hour)], [f"{d} {h}:00:00" for d, h in zip(day, hour)],
                      [f"{d}T{h:02}:00" for d, h in zip(day, hour)],
                      [f"{d} {(h - 1) % 12 + 1}:00 {m}" for d, h, m in zip(day, hour, half)],
                      [f"{d} {(h - 1) % 12 + 1:02}:00 {m}" for d, h, m in zip(day, hour, half)]):
            check.read(dated(times, two(rows)), two(rows), times)
