"""Kinds of files with cells that have no number, and the rules for what takes their place."""
import datetime

from foreign_files import DAY, HORIZON, HOUR, LOOKBACK, dated, hours, months, steps, texts, two
from past_forecasts import compare_errors, evaluated, past_forecasts
from tool_check import header_of, kind, scaler_of

SPELLINGS = ["", "NA", "N/A", "n/a", "NaN", "nan", "null", "NULL", "None", "?", "-", "."]
PLACES = {"previous": "the value before takes their place", "linear": "the line between their neighbours fills them",
          "seasonal": "the value one season before takes their place", "drop-window": "windows that hold one are left out"}


def with_holes(columns, **rows):
    """The columns with none in these rows."""
    return {name: [None if i in rows.get(name, ()) else one for i, one in enumerate(values)]
            for name, values in columns.items()}


def written(columns, text=""):
    """Columns as a file has them, with a text for each cell without a number."""
    return {name: [text if one is None else one for one in values] for name, values in columns.items()}


def filled(columns, rule, season=1):
    """Columns with a number in each cell."""
    return {name: fill(values, rule, season) for name, values in columns.items()}


def fill(values, rule, season):
    there = [i for i, one in enumerate(values) if one is not None]
    found = list(values)
    for i, one in enumerate(values):
        if one is not None:
            continue
        before, after = [k for k in there if k < i], [k for k in there if k > i]
        if rule == "linear" and before and after:
            a, b = before[-1], after[0]
            found[i] = values[a] + (values[b] - values[a]) * (i - a) / (b - a)
        elif rule == "seasonal" and i >= season:
            found[i] = found[i - season]
        elif rule == "seasonal" and any(k % season == i % season for k in there):
            found[i] = values[next(k for k in there if k % season == i % season)]
        else:
            found[i] = found[i - 1] if before else values[after[0]]
    return found


def warning(columns, rule):
    """What is said of the cells of a file: how many, where most of them are, and what takes their place."""
    counts = {name: values.count(None) for name, values in columns.items()}
    count, cells = sum(counts.values()), sum(map(len, columns.values()))
    name = max(counts, key=counts.get)
    most = "" if counts[name] == count else f"most of them, {counts[name]}, "
    return (f"data.csv: {count} of {cells} cells ({round(100 * count / cells, 3):g} %) {'has' if count == 1 else 'have'} "
            f'no number, {most}in column "{name}"; {PLACES[rule]}')


@kind
def missing_code(check):
    """Cells of the missing code are the value before, count in no scaler, and the code is remembered."""
    times, columns = hours(408), two(400)
    for code, text in (-999.0, "-999"), (9999.0, "9999.0"):
        for rows in {50, 51, 200, 398, 399}, {0, 1, 2, 51, 200, 398, 399}:
            holes = with_holes(columns, load=rows)
            path = check.write(dated(times, written(holes, text)))
            model = check.read(path, filled(holes, "previous"), times, extra=["--missing-code", f"{code:g}"], there=holes,
                               said=[f"warning: {path.parent}/{warning(holes, 'previous')}"])
            if model:
                data = header_of(model)[1]
                check.that(data["missing_code"] == code and data["missing"] == "previous",
                           f"the model keeps {data.get('missing_code')}, {data.get('missing')}")
        # a model that knows the code knows it in any file, beside what every file may have
        if model:
            holes["temp"][390] = None
            path = check.write(dated(times, written(holes, text)))
            check.forecast(model, path, filled(holes, "previous"), times, said=[warning(holes, "previous")])
            check.refused(path, "--missing-code", command=["forecast", "--model", model, "--data", path, "--missing-code", "7"])
    # a rule may be said with the code; none other than the code's own is taken without one
    holes = with_holes(columns, load={50, 51, 398})
    check.read(dated(times, written(holes, "-999")), filled(holes, "linear"), times, there=holes,
               extra=["--missing-code", "-999", "--missing", "linear"], said=[warning(holes, "linear")])
    check.refused(dated(times, written(holes, "-999")), 'data.csv:52: column "load"', "-999",
                  extra=["--missing-code", "-999", "--missing", "error"])


@kind
def missing_spellings(check):
    """Cells without a number in all spellings: refused with file and line, and one warning with a rule."""
    times, columns = hours(408), two(400)
    rows = range(30, 30 + 30 * len(SPELLINGS), 30)
    for row, text in zip(rows, SPELLINGS):
        holes = with_holes(columns, temp={row})
        content = dated(times, written(holes, text), separator=";")
        words = "the cell is empty" if not text else f'"{text}"'
        check.refused(content, f'data.csv:{row + 2}: column "temp": {words}', "--missing")
        check.refused(content, f'data.csv:{row + 2}: column "temp": {words}', "--missing", extra=["--missing", "error"])
    holes = with_holes(columns, temp=set(rows), load={7})
    cells = written(holes)
    for row, text in zip(rows, SPELLINGS):
        cells["temp"][row] = text
    check.read(dated(times, cells), filled(holes, "previous"), times, extra=["--missing", "previous"], there=holes,
               said=[warning(holes, "previous")])
    one = with_holes(columns, load={100})
    check.read(dated(times, written(one)), filled(one, "previous"), times, extra=["--missing", "previous"], there=one,
               said=[warning(one, "previous")])
    check.refused(dated(times, written(one, "broken")), 'data.csv:102: column "load"', "broken",
                  extra=["--missing", "previous"])
    check.refused(dated(times, {**columns, "none": [""] * 400}), "none", extra=["--missing", "previous"])
    check.refused(dated(times, written(one)), "missing rule", '"zero"', extra=["--missing", "zero"])


def calendars(rows):
    """Times by the length of their season."""
    yield 24, hours(rows + HORIZON)
    yield 7, texts(steps(datetime.date(2021, 3, 1), DAY, rows + HORIZON), "%Y-%m-%d")
    yield 12, texts(months(1980, 5, 1, rows + HORIZON, 1), "%Y-%m-%d")
    yield 52, texts(steps(datetime.date(2015, 1, 4), 7 * DAY, rows + HORIZON), "%Y-%m-%d")
    yield 96, texts(steps(datetime.datetime(2021, 3, 1), HOUR / 4, rows + HORIZON))


@kind
def missing_rules(check):
    """Each rule fills the columns, the scaler counts the cells that are there, and forecasts are those of what was filled."""
    rows = 400
    for season, times in calendars(rows):
        for rule in ["previous", "linear", "seasonal"] if season == 24 else ["linear", "seasonal"]:
            holes = with_holes(two(rows), load={0, 1, 5, 6, *range(50, 54), *range(200, 200 + season), 390, 391, 395, 399},
                               temp={i for i in range(rows) if i % season == 3} | {rows - 5} if season > 7 else {rows - 1})
            check.read(dated(times, written(holes)), filled(holes, rule, season), times, extra=["--missing", rule],
                       there=holes, said=[warning(holes, rule)])
    times = [str(i) for i in range(rows + HORIZON)]
    holes = with_holes(two(rows), load={0, 50, 399})
    path = check.write(dated(times, written(holes), "index"))
    check.read(path, filled(holes, "seasonal"), times, "index", extra=["--missing", "seasonal"], there=holes,
               said=[warning(holes, "seasonal")])


@kind
def missing_windows(check):
    """Windows with a hole are left out of training and errors by drop-window alone."""
    times, columns, begin = hours(400), two(400), 320
    holes = with_holes(columns, load={60, 200}, temp={340, 371})
    path, models = check.write(dated(times, written(holes))), {}
    for rule in "previous", "drop-window":
        models[rule] = check.train(path, "--missing", rule, said=[warning(holes, rule)])
    if None in models.values():
        return
    weights = [header_of(model)[2] for model in models.values()]
    check.that(weights[0] != weights[1], "the windows that drop-window leaves out were learned from")
    whole = [start for start in range(begin, 400 - HORIZON + 1)
             if not any(None in values[start - LOOKBACK:start + HORIZON] for values in holes.values())]
    printed = evaluated(check, models["previous"], path)
    check.that(printed and printed.windows == 73, f"previous: {printed and printed.windows} test windows instead of 73")
    printed = evaluated(check, models["drop-window"], path)
    forecasts = past_forecasts(check, models["drop-window"],
                               lambda origin: dated(times, {name: values[:origin] for name, values in written(holes).items()}),
                               whole)
    scale = {name: scaler_of(values)[1] for name, values in holes.items()}
    compare_errors(check, printed, forecasts, whole, holes, scale, "drop-window")
    # a hole in every window
    full = with_holes(columns, load=set(range(0, 400, 20)))
    check.refused(dated(times, written(full)), "every window holds a cell without a number", extra=["--missing", "drop-window"])
    # a forecast reads no hole; before its lookback there may be some
    check.read(path, filled(holes, "previous"), hours(408), extra=["--missing", "drop-window"], there=holes,
               said=[warning(holes, "drop-window")])
    late = with_holes(columns, load={376})
    check.refused(dated(times, written(late)), "376", '"load"',
                  command=["forecast", "--model", models["drop-window"], "--data", check.write(dated(times, written(late)))])


@kind
def missing_in_errors(check):
    """Holes in the test part count in no error of `evaluate`, and in none of a report."""
    times, columns, stride = hours(600), two(600), 11
    origins = list(range(480, 600 - HORIZON + 1, stride))
    # no hole lies before an origin: the line would end there
    gone = [i for i in range(430, 600, 7) if (i + 1 - 480) % stride and (i + 2 - 480) % stride]
    holes = with_holes(columns, load={40, *gone, *(i + 1 for i in gone)}, temp={300, 590})
    path = check.write(dated(times, written(holes)))
    for rule in "previous", "linear", "seasonal":
        model = check.train(path, "--missing", rule, "--test-stride", stride, said=[warning(holes, rule)])
        if not model:
            continue
        printed = evaluated(check, model, path, "--test-stride", stride)
        content = lambda origin: dated(times, {name: values[:origin] for name, values in written(holes).items()})
        forecasts = past_forecasts(check, model, content, origins)
        scale = {name: scaler_of(values)[1] for name, values in holes.items()}
        compare_errors(check, printed, forecasts, origins, holes, scale, rule)
        share = sum(values.count(None) for values in holes.values()) / 12
        check.that(printed and f"{round(share, 3):g} % have no number" in printed.stdout, f"{rule}: no share of filled cells")


@kind
def missing_rule_of_model(check):
    """A model of a file with holes takes no other rule, and says its own; a model of a whole file takes any."""
    times, columns = hours(408), two(400)
    holes = with_holes(columns, load={50, 51, 390, 391})
    path, whole = check.write(dated(times, written(holes))), check.write(dated(times, columns))
    model = check.train(path, "--missing", "linear", said=[warning(holes, "linear")])
    if model:
        for command in "forecast", "evaluate", "prune", "update", "backtest":
            for rule in "previous", "seasonal", "drop-window", "error":
                out = check.place() / ("out.safetensors" if command == "update" else "out")
                done = check.call(command, "--model", model, "--data", path, "--missing", rule,
                                  *([] if command == "evaluate" else ["--out", out]))
                check.that(done.returncode == 2 and f"--missing {rule}" in done.stderr and "linear" in done.stderr
                           and not out.exists(), f"{command} --missing {rule}: {done.returncode}, {done.stderr}")
        check.forecast(model, path, filled(holes, "linear"), times, said=[warning(holes, "linear")],
                       extra=["--missing", "linear"])
        check.forecast(model, whole, columns, times)
    model = check.train(whole)
    if model:
        check.refused(path, 'data.csv:52: column "load"', "--missing", command=["forecast", "--model", model, "--data", path])
        for rule in "previous", "linear", "seasonal":
            check.forecast(model, path, filled(holes, rule, 24), times, said=[warning(holes, rule)], extra=["--missing", rule])
        early = with_holes(columns, load={50, 51})
        check.forecast(model, check.write(dated(times, written(early))), columns, times, extra=["--missing", "drop-window"],
                       said=[warning(early, "drop-window")])
    for rule in "linear", "drop-window":  # a rule that found nothing to do is remembered as well
        model = check.train(whole, "--missing", rule)
        if model:
            check.refused(path, "--missing previous", rule,
                          command=["forecast", "--model", model, "--data", path, "--missing", "previous"])
