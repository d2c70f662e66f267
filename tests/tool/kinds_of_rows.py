"""Which rows are forecast, and what is known of them: ranges, and covariates of the rows to forecast."""
from foreign_files import HORIZON, LOOKBACK, dated, hours, months, table, texts, two, wave
from past_forecasts import compare_errors, evaluated, forecast_rows, past_forecasts
from tool_check import R, T, kind, scaler_of

X = [*T, "--epochs", "1", "--drop", "0", "--model", "timexer", "--features", "MS", "--set", "patch=8"]


def until(times, columns, **form):
    """A function from a row to the file that ends before it."""
    if times is None:
        return lambda row: table({name: values[:row] for name, values in columns.items()})
    return lambda row: dated(times, {name: values[:row] for name, values in columns.items()}, **form)


@kind
def known_covariates(check):
    """TimeXer reads the covariates of the rows to forecast from --future; errors are those of such forecasts."""
    times, stride = hours(408), 9
    columns = {"wind": wave(400, 5.0, 4.0), "plan": [float(i * i % 67) for i in range(400)], "price": wave(400, 10.0, 3.0)}
    price, content = {"price": columns["price"]}, until(times, columns)
    path, origins = check.write(content(400)), list(range(320, 400 - HORIZON + 1, stride))
    for extra in [], ["--marks", "none"]:
        model = check.train(path, "--known-covariates", *extra, model=X)
        if not model:
            continue
        check.refused(path, "--future", command=["forecast", "--model", model, "--data", path])
        printed = evaluated(check, model, path, "--test-stride", stride)
        # the file with the rows to forecast has no target, has its columns in another order, and may have earlier rows
        later = {"plan": columns["plan"], "wind": columns["wind"]}
        future = check.write(dated(times, later), "future.csv")
        forecasts = past_forecasts(check, model, content, origins, "--future", future)
        compare_errors(check, printed, forecasts, origins, price, {"price": scaler_of(columns["price"])[1]}, f"known {extra}")
        cut = check.write(content(360))
        if forecasts:
            check.that(list(forecasts[0]) == ["date", "price"], f"columns {list(forecasts[0])}")
            rows = [forecast_rows(check, model, cut, "--future", future)]
            moved = {name: [one + 3 * (i >= 360) for i, one in enumerate(values)] for name, values in later.items()}
            for name in later:
                changed = check.write(dated(times, {**later, name: moved[name]}), "future.csv")
                rows.append(forecast_rows(check, model, cut, "--future", changed))
                check.that(rows[0] and rows[-1] and rows[0]["price"] != rows[-1]["price"], f"{name}: the future is not read")
            tail = dated(times[360:368], {name: values[360:368] for name, values in later.items()})
            same = forecast_rows(check, model, cut, "--future", check.write(tail, "future.csv"))
            check.that(same == rows[0], "a future without earlier rows gives another forecast")
        forecast = ["forecast", "--model", model, "--data", cut, "--future"]
        few = check.write(dated(times, {name: values[:365] for name, values in later.items()}), "future.csv")
        check.refused(cut, "future.csv", "needs 8 rows", "found 5", command=[*forecast, few])
        one = check.write(dated(times, {"wind": columns["wind"]}), "future.csv")
        check.refused(cut, "future.csv", 'no column "plan"', command=[*forecast, one])
        check.refused(cut, "absent.csv", command=[*forecast, check.work / "absent.csv"])
    plain = check.train(path, "--marks", "none", model=X)
    if plain:
        check.refused(path, "--future", "neither covariates nor time marks",
                      command=["forecast", "--model", plain, "--data", path, "--future", path])
    check.refused(path, "features MS", command=["run", "--data", path, *X[:-4], "--known-covariates"])


@kind
def known_times(check):
    """A model with time marks takes the times of its forecast from --future, and from the calendar without it."""
    times = hours(460)
    jump = [*times[:400], *times[448:456]]  # two days later
    path = check.write(dated(times, two(400)))
    model = check.train(path, "--model", "transformer", "--set", "label=12", "--epochs", "1", "--drop", "0", model=T)
    if model:
        future = check.write(table({"date": jump[400:]}), "future.csv")
        rows = [forecast_rows(check, model, path, *extra) for extra in ([], ["--future", future])]
        if None not in rows:
            check.that(rows[0]["date"] == times[400:408] and rows[1]["date"] == jump[400:], f"times {rows[1]['date']}")
            check.that(rows[0]["load"] != rows[1]["load"], "the times of the future are not read")


@kind
def known_covariates_of_others(check):
    """Models that read all columns over the same rows refuse known covariates, each in words that say why."""
    path = check.write(dated(hours(400), two(400)))
    for name in "crossformer dlinear itransformer patchtst patchtst_official rlinear smamba transformer tsmixer".split():
        for features in "M", "MS":
            words = check.refused(path, command=["run", "--data", path, "--model", name, "--features", features, *R[2:6],
                                                 "--known-covariates"])
            check.that("--known-covariates" in words and "timexer" in words or f"--features MS: {name}" in words,
                       f"{name}, features {features}: {words}")


@kind
def ranges(check):
    """--whole, --from and --to choose the rows to forecast: windows and errors of forecasts of files that end before."""
    stride, columns = 5, two(300)
    for times, cases in [
            (hours(308), [([], 240, 300), (["--whole"], 0, 300), (["--from", "2023-01-04"], 72, 300),
                          (["--to", "2023-01-04"], 0, 96), (["--from", "2023-01-04", "--to", "2023-01-05"], 72, 120),
                          (["--from", "2023-01-04 06:00:00", "--to", "2023-01-05 05:00:00"], 78, 102),
                          (["--from", "2023-01-04 05:30:00", "--to", "2023-01-05 05:30"], 78, 102),
                          (["--from", "2023-01", "--to", "2023-01"], 0, 300), (["--from", "2023"], 0, 300),
                          (["--from", "2022-12-31", "--to", "2023-01-06"], 0, 144)]),
            (texts(months(2000, 3, 1, 308, 1), "%Y-%m-%d"), [(["--from", "2004"], 46, 300), (["--to", "2004"], 0, 58),
                                                             (["--from", "2004-02", "--to", "2005-07"], 47, 65),
                                                             (["--from", "2004-02-02", "--to", "2005-07-01"], 48, 65)]),
            (texts(months(1950, 1, 3, 308, 1), "%Y-%m-%d"), [(["--from", "1961Q2", "--to", "1966Q1"], 45, 65)]),
            ([str(10 * i - 50) for i in range(308)], [(["--from", "350", "--to", "700"], 40, 76),
                                                      (["--from", "351", "--to", "709"], 41, 76)]),
            (None, [(["--from", "41", "--to", "76"], 40, 76), (["--from", "200"], 199, 300), (["--whole"], 0, 300)])]:
        name = {} if not times or "-" in times[-1] else {"name": "index"}
        content = until(times, columns, **name)
        path = check.write(content(300))
        model = check.train(path)
        if not model:
            continue
        for extra, begin, end in cases:
            origins = list(range(max(begin, LOOKBACK), end - HORIZON + 1, stride))
            printed = evaluated(check, model, path, "--test-stride", stride, *extra)
            chosen = origins if len(origins) < 12 else []  # of many forecasts the number is enough
            check.that(printed and printed.windows == len(origins),
                       f"{extra}: {printed and printed.windows} windows instead of {len(origins)}")
            forecasts = chosen and past_forecasts(check, model, content, chosen)
            compare_errors(check, printed if chosen else None, forecasts, chosen, columns,
                           {one: scaler_of(values)[1] for one, values in columns.items()}, f"{extra}")
        if times and times[0].startswith("2023"):
            for extra, words in [(["--from", "2024"], "no row"), (["--to", "2022"], "no row"),
                                 (["--from", "2023-01-05", "--to", "2023-01-04"], "no row"),
                                 (["--from", "soon"], '"soon" is no time'), (["--from", "300"], '"300" is no time'),
                                 (["--from", "2023-01-04", "--to", "2023-01-04 05:00"], "8 rows"), (["--to", "2023-01-01"], "24"),
                                 (["--whole", "--refit-scaler"], "--refit-scaler"), (["--from", "2023", "--protocol", "custom"],
                                                                                     "--protocol"),
                                 (["--whole", "--from", "2023"], "--from")]:
                done = check.call("evaluate", "--model", model, "--data", path, *extra)
                check.that(done.returncode == 2 and words in done.stderr and "MSE" not in done.stdout,
                           f"evaluate {extra}: {done.returncode}, {done.stderr}")
