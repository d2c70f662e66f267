"""Errors of a model as the tool prints them, and the same from forecasts of files that end before each window."""
import collections
import re

from foreign_files import HORIZON

Printed = collections.namedtuple("Printed", "windows mse mae coverage stdout stderr")


def evaluated(check, model, path, *extra):
    """What `evaluate` prints, with the coverage and width of intervals by level in percent; none if it fails."""
    done = check.call("evaluate", "--model", model, "--data", path, *extra)
    if not check.that(done.returncode == 0, f"evaluate: exit code {done.returncode}, {done.stderr[:300]}"):
        return None
    number = lambda name: float(re.search(rf"^{name} +(\S+)$", done.stdout, re.M)[1])
    coverage = re.findall(r"^ *(\d+) % +(\S+) % +(\S+)$", done.stdout, re.M)
    return Printed(int(number("test windows")), number("MSE"), number("MAE"),
                   {int(level): (float(share), float(width)) for level, share, width in coverage}, done.stdout, done.stderr)


def forecast_rows(check, model, path, *extra):
    """The cells of a forecast by name, times as texts and the rest as numbers; none if it fails."""
    done = check.call("forecast", "--model", model, "--data", path, *extra)
    if not check.that(done.returncode == 0, f"forecast: exit code {done.returncode}, {done.stderr[:300]}"):
        return None
    rows = [line.split(",") for line in done.stdout.splitlines()]
    names = [row for row in zip(*rows)]
    return {column[0]: list(column[1:]) if place == 0 else list(map(float, column[1:]))
            for place, column in enumerate(names)}


def past_forecasts(check, model, content, origins, *extra):
    """Forecasts from each origin, by the file `content(origin)` that ends before it."""
    found = [forecast_rows(check, model, check.write(content(origin)), *extra) for origin in origins]
    return None if None in found else found


def compare_errors(check, printed, forecasts, origins, columns, scale, what):
    """The errors of `evaluate` are those of the forecasts, in units of `scale`, over the cells that are there."""
    if not printed or not forecasts:
        return
    errors = [(each[name][i] - values[origin + i]) / scale[name] for origin, each in zip(origins, forecasts)
              for name, values in columns.items() for i in range(HORIZON) if values[origin + i] is not None]
    check.that(printed.windows == len(origins), f"{what}: {printed.windows} test windows instead of {len(origins)}")
    for name, found, right in [("MSE", printed.mse, sum(e * e for e in errors) / len(errors)),
                               ("MAE", printed.mae, sum(map(abs, errors)) / len(errors))]:
        check.that(abs(found - right) <= 1e-5 * right + 0.5e-6, f"{what}: {name} {found}, the forecasts have {right:.7f}")
        check.that(right > 0.1, f"{what}: {name} {right} is too small to compare it by printed digits")
