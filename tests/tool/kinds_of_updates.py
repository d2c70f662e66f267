"""Models that are trained on newer files, and the intervals of forecasts."""
import datetime
import re

from foreign_files import HORIZON, LOOKBACK, dated, hours, two
from past_forecasts import evaluated, forecast_rows, past_forecasts
from tool_check import T, header_of, kind, near, rlinear, scaler_of

TABLE = r"^{} +(\S+) +(\S+) +([+-]\d+\.\d) %$"


def moved(factor, add, rows=500):
    return {name: [round(factor * one + add * (1 + (name == "temp") * 9), 4) for one in values]
            for name, values in two(rows).items()}


def updated(check, model, path, *extra, said=()):
    """Calls the update. Returns the written model's file and the errors before and after; or none."""
    out, before = check.place() / "newer.safetensors", model.read_bytes()
    done = check.call("update", "--model", model, "--data", path, "--quiet", *extra, "--out", out)
    if not check.that(done.returncode == 0, f"update {extra}: exit code {done.returncode}, {done.stderr[:300]}"):
        return None
    check.said(done, said, f"update {extra}")
    check.that(model.read_bytes() == before, f"update {extra}: the model of before is another")
    check.that(list(out.parent.iterdir()) == [out], f"update {extra}: wrote {list(out.parent.iterdir())}")
    errors = {}
    for name in "validation MSE", "test MSE", "test MAE":
        found = re.search(TABLE.format(name), done.stdout, re.M)
        if not check.that(found, f"update {extra}: no line {name!r} in {done.stdout!r}"):
            return None
        errors[name] = float(found[1]), float(found[2])
        change = 100 * (errors[name][1] / errors[name][0] - 1)
        check.that(abs(float(found[3]) - change) < 0.051, f"update {extra}: {name} {found[0]!r}")
    check.that(errors["validation MSE"][1] <= errors["validation MSE"][0], f"update {extra}: validation {errors}")
    check.that(("falls from" in done.stdout) == (errors["validation MSE"][1] < errors["validation MSE"][0]),
               f"update {extra}: {errors}, and says {done.stdout[:200]}")
    return out, errors, done.stdout


@kind
def updates(check):
    """The scaler is kept or fitted anew, validation is never worse, and what is written is the model whose errors are told."""
    base = check.train(check.write(dated(hours(400), two(400))))
    start, saved = datetime.datetime(2023, 6, 1), base and header_of(base)[1]
    for factor, add, is_far in [(1.5, -3.0, False), (1.0, 0.3, False), (30.0, 400.0, True)] if base else []:
        columns, times = moved(factor, add), hours(508, start)
        path = check.write(dated(times, columns))
        for choice, extra, refit in [("automatic", [], is_far), ("keep", ["--scaler", "keep"], False),
                                     ("refit", ["--scaler", "refit"], True)]:
            told = "the scaler is fitted anew" if choice == "automatic" else "it has not learned such numbers"
            result = updated(check, base, path, *extra, "--epochs", "2", "--rate", "1e-3",
                             said=[told] if is_far and choice != "refit" else [])
            if not result:
                continue
            model, errors, stdout = result
            data = header_of(model)[1]
            right = [scaler_of(values) for values in columns.values()] if refit else list(zip(saved["mean"], saved["deviation"]))
            check.that(all(near(mean, a, b) and near(deviation, b, b) for mean, deviation, (a, b)
                           in zip(data["mean"], data["deviation"], right)),
                       f"{choice}: scaler {data['mean']}, {data['deviation']}")
            check.that(("fitted on the training part" in stdout) == refit and ("scaler of the model" in stdout) != refit,
                       f"{choice}: says {stdout[-120:]}")
            check.that([data["rows"], data["columns"]] == [500, list(columns)], f"{choice}: rows {data['rows']}")
            check.that(header_of(model)[2] != header_of(base)[2] or errors["validation MSE"][0] == errors["validation MSE"][1],
                       f"{choice}: the weights are those of before")
            check.forecast(model, path, columns, times)
            printed = evaluated(check, model, path)
            check.that(printed and abs(printed.mse - errors["test MSE"][1]) < 2e-6
                       and abs(printed.mae - errors["test MAE"][1]) < 2e-6, f"{choice}: {printed and printed[:3]}, told {errors}")
            if choice == "keep":
                printed = evaluated(check, base, path)
                check.that(printed and abs(printed.mse - errors["test MSE"][0]) < 2e-6, f"keep: before {errors}")
    if base:
        wild = updated(check, base, check.write(dated(hours(400), two(400))), "--epochs", "1", "--rate", "2")
        if wild:
            check.that(wild[1]["validation MSE"][0] == wild[1]["validation MSE"][1] and "stay as they are" in wild[2]
                       and header_of(wild[0])[2] == header_of(base)[2], f"a training that fails changes the weights: {wild[1]}")
        for extra, words in [(["--scaler", "new"], "--scaler"), (["--rate", "0"], "--rate"), (["--epochs", "0"], "--epochs")]:
            path = check.write(dated(hours(400), two(400)))
            check.refused(path, words, command=["update", "--model", base, "--data", path], extra=extra)
        short = check.write(dated(hours(40), two(40)))
        check.refused(short, "data.csv", "40 rows", command=["update", "--model", base, "--data", short])


@kind
def updates_of_pruned(check):
    """A pruned model is updated as it is: the mask stays, and the file goes on being one of its kind."""
    times, columns = hours(408), two(400)
    path, out = check.write(dated(times, columns)), check.place() / "out"
    done = check.call("run", "--data", path, *T, "--epochs", "1", "--drop", "1", "--finetune-epochs", "0", "--out", out)
    check.that(done.returncode == 0, f"run: {done.stderr}")
    newer = check.write(dated(hours(508), moved(1.2, 1.0)))
    for name in ("dense", "pruned") if done.returncode == 0 else ():
        result = updated(check, out / f"{name}.safetensors", newer, "--epochs", "1", "--rate", "1e-3")
        if result:
            kept = [re.search(r"^modules +(\d+) ", check.call("inspect", one).stdout, re.M)
                    for one in (out / f"{name}.safetensors", result[0])]
            check.that(all(kept) and kept[0][1] == kept[1][1] and kept[0][1].count("0") == (name == "pruned"),
                       f"{name}: modules {kept}")
            check.that(list(header_of(result[0])[0]) == list(header_of(out / f"{name}.safetensors")[0]), f"{name}: tensors")
            rows = forecast_rows(check, result[0], newer, "--intervals", "80")
            check.that(rows and rows["date"] == hours(508)[500:], f"{name}: forecast {rows}")


@kind
def intervals(check):
    """Intervals hold the forecast and are wider for a higher level; what `evaluate` says they cover, they cover."""
    times, columns, stride = hours(608), two(600), 3
    content = lambda row: dated(times, {name: values[:row] for name, values in columns.items()})
    path, origins = check.write(content(600)), list(range(480, 600 - HORIZON + 1, stride))
    model = check.train(path)
    rows = model and forecast_rows(check, model, path, "--intervals", "80,95")
    if not rows:
        return
    names = [f"{name}_{level}_{end}" for level in (80, 95) for name in columns for end in ("low", "high")]
    check.that(list(rows) == ["date", *columns, *names], f"columns {list(rows)}")
    right = rlinear(model, columns)[0]
    for name, middle in zip(columns, right):
        for i in range(HORIZON):
            ends = [rows[f"{name}_{level}_{end}"][i] for level, end in
                    ((95, "low"), (80, "low"), (80, "high"), (95, "high"))]
            check.that(ends == sorted(ends) and ends[0] < ends[1] < rows[name][i] < ends[2] < ends[3],
                       f"{name}, row {i + 1}: {rows[name][i]} in {ends}")
            check.that(all(abs(a + b - 2 * middle[i]) < 1e-4 * (b - a) for a, b in (ends[::3], ends[1:3])),
                       f"{name}, row {i + 1}: {ends} does not lie around {middle[i]}")
    calibrated(check, model, columns, rows)
    printed = evaluated(check, model, path, "--test-stride", stride)
    forecasts = past_forecasts(check, model, content, origins, "--intervals", "80,95")
    for level in (80, 95) if printed and forecasts else ():
        inside = [each[f"{name}_{level}_low"][i] <= columns[name][origin + i] <= each[f"{name}_{level}_high"][i]
                  for each, origin in zip(forecasts, origins) for name in columns for i in range(HORIZON)]
        share = 100 * sum(inside) / len(inside)
        check.that(abs(printed.coverage[level][0] - share) <= 0.0051, f"{level} %: covers {printed.coverage[level]}, not {share}")
        widths = [(rows[f"{name}_{level}_high"][i] - rows[f"{name}_{level}_low"][i]) / scaler_of(values)[1]
                  for name, values in columns.items() for i in range(HORIZON)]
        check.that(abs(printed.coverage[level][1] - sum(widths) / len(widths)) < 1e-4,
                   f"{level} %: width {printed.coverage[level]}")
    for levels, words in ("85", "85"), ("0", "0"), ("x", "x"):
        check.refused(path, "--intervals" if levels == "x" else words,
                      command=["forecast", "--model", model, "--data", path, "--intervals", levels])


def calibrated(check, model, columns, rows):
    """A radius is the k-th smallest absolute error of the validation part, k = ceil((n + 1) level)."""
    count = len(columns["load"])
    starts = range(int(0.7 * count), count - int(0.2 * count) - HORIZON + 1)
    errors = {name: [[] for _ in range(HORIZON)] for name in columns}
    for start in starts:
        found, _ = rlinear(model, {name: values[start - LOOKBACK:start] for name, values in columns.items()})
        for name, cells in zip(columns, found):
            for i, cell in enumerate(cells):
                errors[name][i].append(abs(cell - columns[name][start + i]))
    n = len(starts)
    for name in columns:
        for i in range(HORIZON):
            for level in 80, 95:
                radius = sorted(errors[name][i])[-(-(n + 1) * level // 100) - 1]
                width = rows[f"{name}_{level}_high"][i] - rows[f"{name}_{level}_low"][i]
                if abs(width - 2 * radius) > 2e-4 * radius:  # radii have five digits in the file
                    return check.fail(f"{name}, row {i + 1}, {level} %: width {width} instead of {2 * radius}")
