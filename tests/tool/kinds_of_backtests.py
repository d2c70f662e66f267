"""Backtests: the errors of a model and of naive forecasts, from the file and from forecasts of files that end earlier."""
import csv
import datetime
import html
import json
import math
import re

from foreign_files import DAY, HORIZON, dated, hours, months, steps, texts, two
from past_forecasts import past_forecasts
from tool_check import kind

GOOD = ["--epochs", "25", "--rate", "0.02"]  # a training after which RLinear beats the seasonal naive
METHODS = ["model", "naive", "seasonal naive", "drift"]


def backtested(check, model, path, *extra):
    """Calls the backtest. Returns its lines, the figures by method, channel and step, and the JSON; or none."""
    out = check.place() / "out"
    done = check.call("backtest", "--model", model, "--data", path, *extra, "--out", out)
    if not check.that(done.returncode == 0, f"backtest {extra}: exit code {done.returncode}, {done.stderr[:300]}"):
        return None
    check.that(sorted(one.name for one in out.iterdir()) == ["backtest.csv", "backtest.html", "backtest.json"],
               f"backtest wrote {list(out.iterdir())}")
    with open(out / "backtest.csv", newline="") as file:
        figures = {(row["method"], row["channel"], row["step"]): row for row in csv.DictReader(file)}
    found, lines = json.loads((out / "backtest.json").read_text()), done.stdout.splitlines()
    verdict(check, lines[0], found, figures)
    page = html.unescape((out / "backtest.html").read_text()).replace("\xa0", " ")
    check.that(lines[0] in page and page.rstrip().endswith("</html>"), "the page does not have the first line of the output")
    return lines, figures, found


def verdict(check, headline, found, figures):
    """The first line says whether the model beats the baseline, as the MASE of all channels and steps does."""
    baseline = "seasonal naive" if found["season"] > 1 else "naive"
    mase = [float(figures[method, "all", "all"]["mase"]) for method in ("model", baseline)]
    beats = re.match(rf"rlinear (beats|does not beat) the {baseline}(?: \(season (\d+)\))?: MASE (\S+) against (\S+), "
                     r"(?:less than )?(\d+) % (lower|higher)\.$", headline)
    if not check.that(beats, f"the first line is {headline!r}"):
        return
    check.that((beats[1] == "beats") == (mase[0] < mase[1]) == found["verdict"]["beats"] == (beats[6] == "lower"),
               f"MASE {mase}: {headline}")
    check.that(int(beats[2] or 1) == found["season"] and all(abs(float(text) - right) < 6e-3 for text, right
                                                           in zip(beats.group(3, 4), mase)), f"MASE {mase}: {headline}")
    check.that(abs(float(beats[5]) - abs(100 * (mase[0] / mase[1] - 1))) <= 0.51 or "less than" in headline,
               f"MASE {mase}: {headline}")
    check.that(found["headline"] == headline, f"JSON has {found['headline']}")


def compare_backtest(check, result, columns, origins, season, forecasts):
    """All errors of all methods are those of the definitions."""
    lines, figures, found = result
    check.that([found[one] for one in ("origins", "season")] == [len(origins), season]
               and [found[f"{one}_origin"]["row"] for one in ("first", "last")] == [origins[0], origins[-1]],
               f"origins {found['origins']}, {found['first_origin']}, {found['last_origin']}, season {found['season']}")
    for name, y in columns.items():
        scale = [abs(y[r] - y[r - season]) for r in range(season, origins[0])]
        scale = math.fsum(scale) / len(scale)
        ways = {"model": lambda k, o, t: forecasts[k][name][t], "naive": lambda k, o, t: y[o - 1],
                "seasonal naive": lambda k, o, t: y[o - season + t % season],
                "drift": lambda k, o, t: y[o - 1] + (t + 1) * (y[o - 1] - y[0]) / (o - 1)}
        for method in METHODS if season > 1 else [one for one in METHODS if one != "seasonal naive"]:
            for step in [*range(HORIZON), "all"]:
                pairs = [(y[o + t], ways[method](k, o, t)) for k, o in enumerate(origins)
                         for t in (range(HORIZON) if step == "all" else [step])]
                mae = math.fsum(abs(a - b) for a, b in pairs) / len(pairs)
                right = {"mae": mae, "rmse": math.sqrt(math.fsum((a - b) ** 2 for a, b in pairs) / len(pairs)),
                         "smape": math.fsum(200 * abs(a - b) / (abs(a) + abs(b)) for a, b in pairs) / len(pairs),
                         "mase": mae / scale, "forecasts": len(pairs)}
                row = figures.get((method, name, "all" if step == "all" else str(step + 1)))
                wrong = [one for one in right if not row or abs(float(row[one]) - right[one]) > 1e-5 * right[one]]
                if wrong:
                    return check.fail(f"{method}, {name}, step {step}: {wrong[0]} {row and row[wrong[0]]}, not {right[wrong[0]]}")
    in_json = {(one["name"], channel["name"]): channel["mae"] for one in found["methods"] for channel in one["channels"]}
    check.that(all(abs(mae - float(figures[method, channel, "all"]["mae"])) <= 1e-12 * mae
                   for (method, channel), mae in in_json.items()) and len(in_json) == len(found["methods"]) * len(columns),
               f"JSON has other errors than CSV: {in_json}")


@kind
def backtests(check):
    """Origins, step, season and errors of a model that beats the seasonal naive, and of one that does not."""
    columns, said = two(400), []
    for times, season, form in [(hours(408), 24, {}), (texts(steps(datetime.date(2020, 1, 1), DAY, 408), "%Y-%m-%d"), 7, {}),
                                (texts(months(1980, 1, 1, 408, 1), "%Y-%m-%d"), 12, {}),
                                ([str(i) for i in range(408)], 1, {"name": "index"})]:
        content = lambda row: dated(times, {name: values[:row] for name, values in columns.items()}, **form)
        path = check.write(content(400))
        for training in ([], GOOD) if season == 24 else ([],):
            options = dict(zip(GOOD[::2], GOOD[1::2])) if training else {"--epochs": "1"}
            model = check.train(path, *[part for pair in options.items() for part in pair],
                                model=["--model", "rlinear", "--lookback", "24", "--horizon", "8", "--quiet", "--latency-seconds",
                                       "0"])
            cases = [([], 8, range(320, 400))]
            if training:
                cases += [(["--step", "5", "--origins", "6"], 5, range(320, 400)),
                          (["--from", "2023-01-10", "--to", "2023-01-12"], 8, range(216, 288)),
                          (["--season", "12", "--step", "20"], 20, range(320, 400))]
            for extra, step, rows in cases if model else []:
                result = backtested(check, model, path, *extra)
                origins = list(range(rows[-1] + 1 - HORIZON, rows[0] - 1, -step))[::-1]
                if "--origins" in extra:
                    origins = origins[-6:]
                forecasts = past_forecasts(check, model, content, origins)
                if result and forecasts:
                    here = int(extra[1]) if "--season" in extra else season
                    compare_backtest(check, result, columns, origins, here, forecasts)
                    told = f"origins    {len(origins)} from {times[origins[0]]} to {times[origins[-1]]}, every {step} rows"
                    check.that(told in result[0], f"no {told!r} in {result[0][2:9]}")
                    said.append(result[0][0].split(" the ")[0])
    check.that({"rlinear beats", "rlinear does not beat"} <= set(said), f"all models {set(said)} the naive forecast")


@kind
def backtests_of_holes(check):
    """Cells without a number count in no error of a backtest, and their number is told."""
    times, columns = hours(400), two(400)
    gone = {330, 333, 361, 399}
    holes = {"load": [None if i in gone else one for i, one in enumerate(columns["load"])], "temp": columns["temp"]}
    cells = lambda row: {name: ["" if one is None else one for one in values[:row]] for name, values in holes.items()}
    path = check.write(dated(times, cells(400)))
    model = check.train(path, "--missing", "previous", said=["data.csv: 4 of 800 cells"])
    result = model and backtested(check, model, path)
    origins = list(range(320, 400, HORIZON))
    forecasts = result and past_forecasts(check, model, lambda row: dated(times, cells(row)), origins)
    if forecasts:
        errors = [abs(holes["load"][o + t] - forecasts[k]["load"][t]) for k, o in enumerate(origins) for t in range(HORIZON)
                  if o + t not in gone]
        row = result[1]["model", "load", "all"]
        check.that(int(row["forecasts"]) == len(errors) == 76 and result[2]["filled"] == 4, f"{row['forecasts']} numbers count")
        check.that(abs(float(row["mae"]) - sum(errors) / 76) < 1e-6 * sum(errors), f"MAE {row['mae']}, not {sum(errors) / 76}")


@kind
def backtests_of_long_tables(check):
    """Each series of a long table is a channel of the backtest, with origins of its own."""
    sizes = {"a": (400, 0), "b, c": (300, 30)}
    series = {name: (hours(rows, datetime.datetime(2023, 1, 1 + begin)), two(rows)["load"])
              for name, (rows, begin) in sizes.items()}
    cut = lambda ends: "id,date,y\n" + "".join(f'"{name}",{time},{value}\n' for name, (times, values) in series.items()
                                               for time, value in list(zip(times, values))[:ends[name]])
    path = check.write(cut({name: rows for name, (rows, _) in sizes.items()}))
    model = check.train(path, "--long", "id,date,y")
    result = model and backtested(check, model, path)
    for place, (name, (rows, _)) in enumerate(sizes.items() if result else []):
        y, errors = series[name][1], []
        for origin in range(rows - HORIZON, rows - int(0.2 * rows) - 1, -HORIZON):
            done = check.call("forecast", "--model", model, "--data", check.write(cut({**{n: r for n, (r, _) in sizes.items()},
                                                                                       name: origin})))
            cells = [float(line.rsplit(",", 1)[1]) for line in done.stdout.splitlines()[1:]]
            errors += [abs(y[origin + t] - cells[place * HORIZON + t]) for t in range(HORIZON)]
        row = result[1].get(("model", name, "all"))
        mae = sum(errors) / len(errors)
        check.that(row and int(row["forecasts"]) == len(errors) and abs(float(row["mae"]) - mae) < 1e-5 * mae,
                   f"series {name}: {row}, not {len(errors)} numbers of MAE {mae}")


@kind
def backtests_retrained(check):
    """--retrain trains before every so many origins, and changes the errors of the model alone."""
    path = check.write(dated(hours(400), two(400)))
    model = check.train(path)
    results = [backtested(check, model, path, *extra) for extra in
               ([], ["--retrain", "4", "--epochs", "2", "--rate", "0.01"])] if model else [None]
    if None not in results:
        kept, again = ({key: row["mae"] for key, row in result[1].items()} for result in results)
        check.that(results[0][2]["retrained"] == [] and results[1][2]["retrained"] == [320, 352, 384],
                   f"retrained at {results[1][2]['retrained']}")
        check.that(all((kept[key] == again[key]) == (key[0] != "model") for key in kept if key[1:] == ("all", "all")),
                   "retraining changed what it should not, or nothing")
    for extra, words in [(["--epochs", "2"], "--retrain"), (["--from", "2024"], "no row"), (["--season", "500"], "500"),
                         (["--retrain", "0"], "--retrain")]:
        check.refused(path, words, command=["backtest", "--model", model, "--data", path], extra=extra)
