"""Kinds of files by their times: calendars, and the forms in which times are written."""
import datetime
import re

from foreign_files import DAY, HORIZON, HOUR, dated, hours, kept, months, steps, table, texts, two, wave
from tool_check import R, header_of, kind, notes_of


@kind
def plain(check):
    """A file as the tool expects it, of 400 rows and of 250, in small and in large numbers."""
    check.read(dated(hours(408), two(400)), two(400), hours(408))
    check.read(dated(hours(258, datetime.datetime(1969, 12, 20)), two(250, 1e6)), two(250, 1e6),
               hours(258, datetime.datetime(1969, 12, 20)))


@kind
def months_quarters_years(check):
    """Starts and ends of months, quarters and years, and a day that not every month has."""
    ends = months(1990, 1, 1, 408)
    check.that(texts(ends[400:], "%m-%d") == "05-31 06-30 07-31 08-31 09-30 10-31 11-30 12-31".split(),
               "the test's own calendar")
    for start, step, rows, day in [((1990, 1), 1, 400, 1), ((1950, 3), 1, 300, 15), ((1990, 1), 1, 400, 30),
                                   ((1990, 1), 1, 400, None), ((1970, 6), 1, 250, None), ((1900, 1), 3, 400, 1),
                                   ((1950, 2), 3, 250, 1), ((1900, 3), 3, 300, None), ((1600, 1), 12, 399, 1),
                                   ((1700, 7), 12, 250, 1), ((1500, 12), 12, 300, None)]:
        times = texts(months(*start, step, rows + HORIZON, day), "%Y-%m-%d")
        check.read(dated(times, two(rows)), two(rows), times)


@kind
def business_days(check):
    """Monday to Friday, ending on a Friday, a Wednesday and a Monday; Sunday to Thursday."""
    for rows, closed in [(400, (5, 6)), (398, (5, 6)), (301, (5, 6)), (400, (4, 5))]:
        every = steps(datetime.date(2021, 1, 4), DAY, 1000)
        times = texts(kept(every, lambda day: day.weekday() not in closed, rows + HORIZON), "%Y-%m-%d")
        check.read(dated(times, two(rows)), two(rows), times)


@kind
def market_hours(check):
    """Half hours from 9:00 to 15:30 and hours from 10:00 to 18:00 on business days, ending within a day, and on a Friday."""
    for step, first, last, rows in [(30, "09:00", "15:30", 400), (30, "09:00", "15:30", 420), (60, "10:00", "18:00", 401)]:
        every = steps(datetime.datetime(2023, 1, 2), datetime.timedelta(minutes=step), 10000)
        open_ = lambda time: time.weekday() < 5 and first <= time.strftime("%H:%M") <= last
        times = texts(kept(every, open_, rows + HORIZON))
        check.read(dated(times, two(rows)), two(rows), times)


@kind
def days_and_weeks(check):
    """Days over a 29 February, weeks, and the day itself first in the forecast."""
    for start, step, rows in [("2023-02-01", DAY, 393), ("2022-02-01", DAY, 392), ("2020-01-05", 7 * DAY, 300),
                              ("2020-01-01", 7 * DAY, 250)]:
        times = texts(steps(datetime.date.fromisoformat(start), step, rows + HORIZON), "%Y-%m-%d")
        check.read(dated(times, two(rows)), two(rows), times)
    check.that(steps(datetime.date(2023, 2, 1), DAY, 394)[393] == datetime.date(2024, 2, 29), "the test's own 29 February")
    wrong = texts(steps(datetime.date(2023, 1, 1), DAY, 58), "%Y-%m-%d") + ["2023-02-29"]
    check.refused(dated(wrong, two(59)), "data.csv:60", "2023-02-29")


@kind
def rate_changed(check):
    """A step that changes: one warning with the line and the newer step, by which the forecast goes on."""
    for old, new, change, rows, name in [(60, 15, 300, 400, "15min"), (60, 30, 350, 400, "30min"), (5, 10, 200, 260, "10min")]:
        start = datetime.datetime(2023, 1, 1)
        times = [start + datetime.timedelta(minutes=old * min(i, change) + new * max(i - change, 0))
                 for i in range(rows + HORIZON)]
        said = [f"data.csv:{change + 3}: the frequency is {name} from here on"]
        check.read(dated(texts(times), two(rows)), two(rows), texts(times), said=said)


@kind
def clocks_set(check):
    """A place that sets its clocks: an hour is left out, an hour or its four quarters come twice. At most one line says so."""
    start = datetime.datetime(2024, 3, 20)
    for rows, out, twice in [(400, "2024-03-31 02", None), (300, "2024-03-24 01", None), (400, None, "2024-03-31 02"),
                             (300, None, "2024-03-24 01"), (5600, "2024-03-31 02", "2024-10-27 02")]:
        every = texts(steps(start, HOUR, rows + HORIZON + 1))
        times = [time for time in every if not out or not time.startswith(out)]
        times = [time for time in times for _ in range(2 if twice and time.startswith(twice) else 1)][:rows + HORIZON]
        check.that(not twice or f"{twice}:00:00" in times[:rows], "the test's own clock")
        path = check.write(dated(times, two(rows)))
        check.read(path, two(rows), times, said=clock_notes(check, path))
    every = steps(datetime.datetime(2024, 10, 24), datetime.timedelta(minutes=15), 500)
    turn = datetime.datetime(2024, 10, 27, 3)
    times = texts([time if time < turn else time - HOUR for time in every])
    path = check.write(dated(times[:408], two(400)))
    check.read(path, two(400), times[:408], said=clock_notes(check, path))


def clock_notes(check, path):
    lines = check.call("run", "--data", path, *R, "--out", check.place() / "out").stderr.splitlines()
    check.that(len(lines) < 2 and all("a clock" in line and "data.csv:" in line for line in lines),
               f"of a set clock is said {lines}")
    return lines


@kind
def gaps_and_repeats(check):
    """Missing rows are one warning with the first line; so are repeated times. Times that go back are refused."""
    every = hours(500)
    times = [time for i, time in enumerate(every) if i not in (50, 51, 120, 300)][:408]
    check.read(dated(times, two(400)), two(400), times, said=["data.csv:52: "])
    twice = [time for i, time in enumerate(every) for _ in range(2 if i in (40, 210) else 1)][:408]
    check.read(dated(twice, two(400)), two(400), twice, said=["data.csv:43: "])
    check.refused(dated(times, two(400)), "data.csv:52", extra=["--strict-times"])
    back = every[:100] + every[98:]
    check.refused(dated(back[:400], two(400)), "data.csv:102", "above")


@kind
def forms_of_times(check):
    """Dates and clocks in many forms: each is continued in its own."""
    start, rows = datetime.datetime(2023, 1, 1), 400
    for form in ["%Y/%m/%d %H:%M", "%Y.%m.%d %H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%d %H:%M:%S+00:00",
                 "%Y-%m-%d %H:%M:%S.000", "%Y-%m-%dT%H:%M:%S.000Z", "%Y-%m-%dT%H:%M:%S+05:30", "%Y-%m-%d %H:%M:%S-0800",
                 "%Y-%m-%d %I:%M %p"]:
        times = hours(rows + HORIZON, start, form)
        check.read(dated(times, two(rows)), two(rows), times)
    days = steps(datetime.date(1999, 12, 1), DAY, rows + HORIZON)
    for form, said in [("%d.%m.%Y", []), ("%d/%m/%Y", []), ("%m/%d/%Y", []), ("%Y%m%d", ["yyyymmdd"])]:
        times = texts(days, form)
        done = check.write(dated(times, two(rows)))
        check.read(done, two(rows), times, said=notes_of(check, done, said))


@kind
def day_or_month_first(check):
    """Ambiguous dates: read if one form alone has even steps, and said; refused if both fit, unless an option says it."""
    for form, name, start, rows in [("%d/%m/%Y", "dmy", (1990, 1), 120), ("%m/%d/%Y", "mdy", (1985, 4), 130)]:
        times = texts(months(*start, 1, rows + HORIZON, 1), form)
        check.read(dated(times, two(rows)), two(rows), times, said=[f"is read as {name}"], later=[])  # a model knows it
    both = [f"0{1 + i // 9}/0{1 + i % 9}/2023" for i in range(3)]
    check.refused(dated(both, two(3)), "--date-format", "date")
    times = texts(months(1990, 1, 1, 128, 1), "%d/%m/%Y")
    model = check.read(dated(times, two(120)), two(120), times, extra=["--date-format", "dmy"])
    short = {name: values[:30] for name, values in two(120).items()}
    if model:
        check.forecast(model, check.write(dated(times, short)), short, times[30:38])


@kind
def months_and_years_alone(check):
    """`1990-01`, `1990Q1`, `1990-Q1` and `Year` go on in their own form and name."""
    for rows, start in [(400, 1600), (250, 1700)]:
        times = [str(start + i) for i in range(rows + HORIZON)]
        check.read(dated(times, two(rows), "Year"), two(rows), times, "Year",
                   said=['column "Year" is read as times of the form year'])
        times = texts(months(start + 300, 3, 1, rows + HORIZON, 1), "%Y-%m")
        check.read(dated(times, two(rows)), two(rows), times, said=["year-month"])
        for form in "{}Q{}", "{}-Q{}":
            times = [form.format(start + i // 4, i % 4 + 1) for i in range(rows + HORIZON)]
            check.read(dated(times, two(rows)), two(rows), times, said=["quarter"])


@kind
def seconds_and_serials(check):
    """Seconds, milliseconds, seconds with a point, and serials of spreadsheets, by a usual name or by option."""
    rows = 400
    for name, start, write, form in [("ts", 1672531200, lambda s: str(s), "epoch-seconds"),
                                     ("time", 1700000400, lambda s: f"{s}000", "epoch-milliseconds"),
                                     ("timestamp", 1672531200, lambda s: f"{s}.0", "epoch-seconds"),
                                     ("date", 0, lambda s: f"{44927 + s / 86400:.7f}", "excel"),
                                     ("date", 0, lambda s: f"{36526 + s // 3600}", "excel")]:
        times = [write(start + 3600 * i) for i in range(rows + HORIZON)]
        check.read(dated(times, two(rows), name), two(rows), times, name,
                   said=[f'column "{name}" is read as times of the form {form}'])
    times = [str(1672531200 + 900 * i) for i in range(rows + HORIZON)]
    check.read(dated(times, two(rows), "when"), two(rows), times, "when",
               ["--time-column", "when", "--date-format", "epoch-seconds"],
               said=["epoch-seconds"])


@kind
def whole_number_index(check):
    """An index of whole numbers, in steps of one and of ten, from one and from below zero; and one without a name."""
    for name, start, step in [("index", 0, 1), ("step", -50, 10), ("", 1, 1)]:
        times = [str(start + step * i) for i in range(408)]
        path = check.write(dated(times, two(400), name))
        check.read(path, two(400), times, name, said=notes_of(check, path))
    columns = {"load": wave(400), "temp": wave(400, 100.0, 20.0)}
    rows = [f"{i},{time},{load},{temp}" for i, (time, load, temp) in enumerate(zip(hours(400), *columns.values()))]
    path = check.write(",date,load,temp\n" + "\n".join(rows) + "\n")  # as pandas writes a frame with its index
    model = check.train(path, said=notes_of(check, path))
    if model:
        names = header_of(model)[1]["columns"]
        told = re.search(r"c0|without a name|unnamed|first column",
                         check.call("forecast", "--model", model, "--data", path).stderr)
        check.that(names == list(columns) or told, f"an index beside dates is a channel, and nobody says so: columns {names}")
        done = check.call("forecast", "--model", model, "--data", path)
        check.that([line.split(",")[0] for line in done.stdout.splitlines()] == ["date", *hours(408)[400:]],
                   f"an index beside dates: {done.stdout[:200]}")


@kind
def times_elsewhere(check):
    """The column of times at the end, between the others, under another name, and in two columns."""
    times, columns = hours(408), two(400)
    first, second = columns.items()
    for order in [(*columns, "when"), ("load", "when", "temp")]:
        content = table({name: times[:400] if name == "when" else columns[name] for name in order})
        check.read(content, columns, times, "when", said=['column "when" is read as times'])
    days, clocks = zip(*(time.split() for time in times))
    path = check.write(table({"date": days[:400], "time": clocks[:400], **columns}))
    for extra in ([], ["--time-column", "date+time"]):
        model = check.train(path, *extra, said=[] if extra else notes_of(check, path))
        if model:
            done = check.call("forecast", "--model", model, "--data", path)
            found = [line.split(",")[:2] for line in done.stdout.splitlines()]
            check.that(header_of(model)[1]["columns"] == list(columns), "the columns of date and clock are channels")
            check.that([" ".join(one) for one in found[1:]] == times[400:] or [one[0] for one in found[1:]] == times[400:],
                       f"date and clock go on with {found[:3]}")


@kind
def not_a_time(check):
    """Weeks of ISO, fractions of seconds, an hour 24, a cell of text and an empty one: refused with the line."""
    weeks = [f"{2015 + i // 52}-W{i % 52 + 1:02d}" for i in range(400)]
    check.refused(dated(weeks, two(400)), "date", "2015-W01")
    for line, cell in [(60, "2023-01-03 10:00:00.5"), (61, "2023-01-03 24:30:00"), (7, "soon"), (90, "")]:
        times = hours(400)
        times[line - 2] = cell
        check.refused(dated(times, two(400)), f"data.csv:{line}", "date")
