"""Long tables: a row per series and time, of series that a model forecasts alone or side by side."""
import csv
import datetime
import io

from foreign_files import DAY, HORIZON, HOUR, dated, hours, months, steps, table, texts, two, wave
from past_forecasts import evaluated
from tool_check import R, T, header_of, kind, near, rlinear, scaler_of

START = datetime.datetime(2023, 1, 1)


def shops():
    """Series by id, each with its times and those of its forecast, of other lengths, starts and levels."""
    sizes = {"north": (300, 0), "b, c": (260, 10), '"d"': (230, 40), "007": (190, 300)}
    return {name: (hours(rows + HORIZON, START + begin * HOUR), wave(rows, 10.0 + 5 * k, 3.0 + k))
            for k, (name, (rows, begin)) in enumerate(sizes.items())}


def quoted(cell):
    return '"' + cell.replace('"', '""') + '"' if any(sign in cell for sign in ',"') else cell


def long_table(series, names=("shop", "day", "load"), order=(0, 1, 2), mixed=False, more=(), **form):
    """The file: rows of one series after another, or all by time, with its columns in an order, and further columns."""
    rows = [(name, time, value) for name, (times, values) in series.items() for time, value in zip(times, values)]
    if mixed:
        rows.sort(key=lambda row: row[1])
    columns = [(names[i], [quoted(row[i]) if i == 0 else "" if row[i] is None else row[i] for row in rows]) for i in order]
    columns += [(name, [cell] * len(rows)) for name, cell in more]
    return table(dict(columns), **form)


def compare_long(check, model, path, series, names=("shop", "day", "load"), scalers=(), said=(), extra=()):
    """A forecast of a long table: its names, and id, times and numbers of each series, by RLinear from the model's file."""
    done = check.call("forecast", "--model", model, "--data", path, *extra)
    if not check.that(done.returncode == 0, f"forecast: exit code {done.returncode}, {done.stderr[:300]}"):
        return
    check.said(done, said, "forecast")
    header, *rows = csv.reader(io.StringIO(done.stdout))
    right = [[name, time] for name, (times, values) in series.items() for time in times[len(values):]]
    check.that(header == list(names), f"forecast: header {header}")
    if not check.that([row[:2] for row in rows] == right, f"forecast: ids and times {[row[:2] for row in rows][::HORIZON]}"):
        return
    numbers, loose = rlinear(model, {name: values for name, (_, values) in series.items()}, scalers)
    for k, name in enumerate(series):
        for i in range(HORIZON):
            found = float(rows[k * HORIZON + i][2])
            if not near(found, numbers[k][i], loose[k], 1e-5):
                return check.fail(f'forecast: series "{name}", row {i + 1}: {found} instead of {numbers[k][i]}')


def described(check, model, series, names=("shop", "day", "load")):
    """The model knows the ids, the scaler of each by its own training part, and the columns of the file."""
    data = header_of(model)[1]
    check.that(data["columns"] == list(series), f"series {data['columns']}")
    check.that(data["long"] == list(names) and data["alone"] is True, f"long {data['long']}, alone {data['alone']}")
    for name, mean, deviation in zip(series, data["mean"], data["deviation"]):
        right = scaler_of(series[name][1])
        check.that(near(mean, right[0], right[1]) and near(deviation, right[1], right[1]),
                   f"{name}: mean and deviation {mean}, {deviation} instead of {right}")


@kind
def long_alone(check):
    """Forms of long tables: one model of all series, each with its own scaler, and forecasts of each, long again."""
    series, names = shops(), ("shop", "day", "load")
    for named, order, mixed, form in [(names, (0, 1, 2), False, {}), (("unique_id", "ds", "y"), (2, 0, 1), True, {}),
                                      (("id of it", "t", "v"), (1, 2, 0), True, {"separator": ";"})]:
        content = long_table(series, named, order, mixed, **form)
        path, notes = check.write(content), [f'separated by ";"'] if form else []
        listed = list(dict.fromkeys(row[0] for row in sorted(
            ((name, time) for name, (times, values) in series.items() for time in times[:len(values)]),
            key=lambda row: row[1]))) if mixed else list(series)  # ids in the order of the file
        found = {name: series[name] for name in listed}
        model = check.train(path, "--long", ",".join(named), said=notes)
        if model:
            described(check, model, found, named)
            compare_long(check, model, path, found, named, said=notes)
    days, ends = texts(steps(datetime.date(2021, 1, 30), DAY, 400), "%d.%m.%Y"), texts(months(1990, 1, 1, 400), "%Y-%m-%d")
    for times in days, ends, [str(i) for i in range(400)]:
        one = {"a": (times[:208], wave(200)), "b": (times[50:258], wave(200, 99.0, 5.0))}
        path = check.write(long_table(one, more=[("site", "north"), ("color", "red")]))
        note = ['column "site", and 1 more are not read']
        model = check.train(path, "--long", "shop,day,load", said=note)
        if model:
            compare_long(check, model, path, one, said=note)


@kind
def long_models(check):
    """RLinear, DLinear and PatchTST learn one model of one channel; errors are those of forecasts of tables that end before."""
    series, stride = shops(), 7
    path = check.write(long_table(series))
    begins = {name: len(values) - int(0.2 * len(values)) for name, (_, values) in series.items()}
    origins = {name: list(range(begins[name], len(values) - HORIZON + 1, stride)) for name, (_, values) in series.items()}
    for name, sizes in ("rlinear", R[2:]), ("dlinear", R[2:]), ("patchtst", [*T, "--epochs", "1"]):
        model = check.train(path, "--model", name, "--long", "shop,day,load", model=sizes)
        if not model:
            continue
        described(check, model, series)
        check.that('"channels":1,' in model.read_bytes()[:600].decode(errors="replace").replace("\\", ""), f"{name}: channels")
        printed, columns, forecasts, places = evaluated(check, model, path, "--test-stride", stride), {}, [], []
        for k in range(max(map(len, origins.values()))):
            ends = {one: at[min(k, len(at) - 1)] for one, at in origins.items()}
            cut = {one: (times, values[:ends[one]]) for one, (times, values) in series.items()}
            done = check.call("forecast", "--model", model, "--data", check.write(long_table(cut)))
            cells = [row[2] for row in csv.reader(io.StringIO(done.stdout))][1:]
            if not check.that(len(cells) == len(series) * HORIZON, f"{name}: forecast {done.stdout[:80]} {done.stderr[:200]}"):
                break
            for s, (one, at) in enumerate(origins.items()):
                if k < len(at):
                    forecasts.append({one: list(map(float, cells[s * HORIZON:(s + 1) * HORIZON]))})
                    places.append((one, at[k]))
        if printed and len(places) == sum(map(len, origins.values())):
            errors = [(cells[i] - series[one][1][at + i]) / scaler_of(series[one][1])[1]
                      for (one, at), each in zip(places, forecasts) for cells in each.values() for i in range(HORIZON)]
            mse, mae = sum(e * e for e in errors) / len(errors), sum(map(abs, errors)) / len(errors)
            check.that(printed.windows == len(places) and abs(printed.mse - mse) < 1e-5 * mse + 5e-7
                       and abs(printed.mae - mae) < 1e-5 * mae + 5e-7,
                       f"{name}: {printed[:3]}, the forecasts have {len(places)}, {mse:.6f}, {mae:.6f}")


@kind
def long_others(check):
    """Series that were not trained on, are too short, or have no number somewhere."""
    series = shops()
    model = check.train(check.write(long_table(series)), "--long", "shop,day,load")
    short = {**series, "tiny": (hours(40 + HORIZON), wave(40))}
    path = check.write(long_table(short))
    left = 'warning: {}: 1 of 5 series is left out: series "tiny": '
    other = check.train(path, "--long", "shop,day,load", said=[left.format(path)])
    if other:
        described(check, other, series)
        printed = evaluated(check, other, path)
        check.that(printed and left.format(path) in printed.stderr, f"evaluate: says {printed and printed.stderr}")
    if model:  # too short to train on, and long enough for a forecast; not known, and scaled by all of its rows
        told = f"warning: {path}: the model was not trained on 1 of 5 series, which are scaled by their own rows"
        compare_long(check, model, path, short, scalers={"tiny": scaler_of(short["tiny"][1], 1)}, said=[told])
        path = check.write(long_table({"x": short["tiny"], "y": series["north"]}))
        told = f"warning: {path}: the model was not trained on 2 of 2 series, which are scaled by their own rows"
        unknown = {"x": short["tiny"], "y": series["north"]}
        compare_long(check, model, path, unknown, said=[told],
                     scalers={one: scaler_of(values, 1) for one, (_, values) in unknown.items()})
        path = check.write(long_table({"north": series["north"], "tiny": (hours(20 + HORIZON), wave(20))}))
        done = check.call("forecast", "--model", model, "--data", path)
        check.that(done.returncode == 0 and done.stdout.count("\n") == 1 + HORIZON and '"tiny"' in done.stderr
                   and "1 of 2 series is left out" in done.stderr, f"20 rows: {done.returncode}, {done.stderr}")
    gone = {name: (times, [None if i in (20, 150, 189) else one for i, one in enumerate(values)])
            for name, (times, values) in series.items()}
    filled = {name: (times, [values[i - 1] if one is None else one for i, one in enumerate(cells)])
              for (name, (times, values)), (_, cells) in zip(series.items(), gone.values())}
    path = check.write(long_table(gone))
    check.refused(path, 'data.csv:22: column "load": the cell is empty', "the missing rule (--missing)",
                  extra=["--long", "shop,day,load"])
    done = check.call("run", "--data", path, *R, "--long", "shop,day,load", "--missing", "previous", "--out", path.parent)
    check.that(done.returncode == 0 and "12 such cells in 4 series" in done.stderr, f"holes: {done.returncode}, {done.stderr}")
    if done.returncode == 0:
        described(check, path.parent / "dense.safetensors", gone)
        compare_long(check, path.parent / "dense.safetensors", path, filled, said=done.stderr.splitlines())


@kind
def long_side_by_side(check):
    """A model that reads all channels gets the table of all series: what it makes of the wide file, it makes of the long one."""
    times, columns = hours(408), two(400)
    sizes, options = [*T, "--epochs", "1"], ["--long", "id,date,value", "--model", "itransformer"]
    series = {name: (times, values) for name, values in columns.items()}
    holes = {"load": (times[3:], columns["load"][3:]),
             "temp": ([*times[:200], *times[201:]], [*columns["temp"][:200], *columns["temp"][201:]])}
    late = {name: [None if name == "load" and i < 3 or name == "temp" and i == 200 else one for i, one in enumerate(values)]
            for name, values in columns.items()}
    names, pairs = ("id", "date", "value"), [(series, columns, [])]
    pairs += [(holes, late, ["--missing", rule]) for rule in ("previous", "linear", "seasonal")]
    for long, wide, rule in pairs:
        cells = {name: ["" if one is None else one for one in values] for name, values in wide.items()}
        files = check.write(long_table(long, names, mixed=not rule)), check.write(dated(times, cells))
        for file, option in zip(files, (options, options[2:])):
            done = check.call("run", "--data", file, *sizes, *option, *rule, "--drop", "0", "--out", file.parent / "out")
            check.that(done.returncode == 0, f"run {option} {rule}: {done.stderr[:300]}")
        models = [file.parent / "out" / "dense.safetensors" for file in files]
        if not all(model.exists() for model in models):
            continue
        found = header_of(models[0])[1]["columns"]
        if found == list(columns):  # the order of the ids in the file
            check.that(header_of(models[0])[2] == header_of(models[1])[2], f"{rule}: other weights than of the wide table")
        rows = [list(csv.reader(io.StringIO(check.call("forecast", "--model", model, "--data", file).stdout)))
                for model, file in zip(models, files)]
        right = [[name, row[0], row[1 + list(columns).index(name)]] for name in found for row in rows[1][1:]]
        if found == list(columns):
            check.that(rows[0][0] == list(names) and rows[0][1:] == right, f"{rule}: forecast {rows[0][:3]}, wide {right[:2]}")
        else:
            check.fail(f"{rule}: columns {found}")
    path = check.write(long_table(holes, names))
    check.refused(path, 'data.csv: series "load" has no row at 2023-01-01 00:00:00', "4 such holes in 2 series", "--missing",
                  command=["run", "--data", path, *sizes, *options])
    apart = {"a": (times[:40], wave(40)), "b": (times[50:400], wave(350))}
    path = check.write(long_table(apart, names))
    check.refused(path, "data.csv", '"a"', '"b"', times[39], times[50], command=["run", "--data", path, *sizes, *options])
