"""What a model knows of its file: times, the series itself, the frequency, the scaler, and finite numbers."""
import datetime
import json
import math
import re
import struct

from foreign_files import DAY, HORIZON, dated, hours, steps, table, texts, two
from tool_check import R, T, header_of, kind


@kind
def no_times(check):
    """A model with time marks needs dates and says so; a model without needs none."""
    columns = two(400)
    path, dates = check.write(table(columns)), check.write(dated(hours(400), columns))
    for name, more in ("transformer", ["--set", "label=12"]), ("itransformer", []):
        check.refused(path, "data", "dates", "marks",
                      command=["run", "--data", path, "--model", name, "--marks", "h", *T, *more, "--epochs", "1"])
        marked = check.train(dates, "--model", name, *more, "--epochs", "1", model=T)
        if marked:
            for command in "evaluate", "forecast":
                done = check.call(command, "--model", marked, "--data", path)
                check.that(done.returncode == 2 and "marks" in done.stderr and "date" in done.stderr,
                           f"{name}, {command}: {done.returncode}, {done.stderr}")
    done = check.call("run", "--data", path, "--model", "transformer", *T, "--set", "label=12", "--epochs", "1", "--out",
                      check.place() / "out")
    check.that(done.returncode == 2 and "date" in done.stderr, f"transformer without dates: {done.returncode}, {done.stderr}")
    for each in "itransformer", "rlinear", "dlinear":
        more = T if each == "itransformer" else R[2:]
        check.train(path, "--model", each, *(["--epochs", "1"] if more is T else []), model=more)
    check.read(path, columns, [str(1 + i) for i in range(HORIZON)], "step")


@kind
def another_series(check):
    """A training is resumed with its own series alone, wherever it lies; one changed cell makes it another."""
    content = dated(hours(400), two(400))
    options = [*R[:6], "--epochs", "4", *R[8:]]
    changed = content.replace("2023-01-10 05:00:00,", "2023-01-10 05:00:00,1", 1)
    for other, same in [(dated(hours(400), two(400, 2.0)), False), (changed, False), (dated(hours(401), two(401)), False),
                        (dated(hours(400, datetime.datetime(2023, 1, 2)), two(400)), False), (content, True)]:
        out = check.place() / "out"
        done = check.call("run", "--data", check.write(content), *options, "--stop-after", "2", "--out", out)
        state = (out / "training.safetensors").read_bytes()
        done = check.call("run", "--data", check.write(other), *options, "--resume", "--out", out)
        if same:
            check.that(done.returncode == 0, f"the same series elsewhere is refused: {done.stderr}")
        else:
            check.that(done.returncode == 2 and "data." in done.stderr,
                       f"another series is resumed: {done.returncode}, {done.stderr}")
            check.that(not (out / "dense.safetensors").exists() and (out / "training.safetensors").read_bytes() == state,
                       "resume wrote a file")


@kind
def another_frequency(check):
    """A file of another frequency is refused with both of them, unless it is said."""
    model = check.train(check.write(dated(hours(400), two(400))))
    days = texts(steps(datetime.date(2023, 1, 1), DAY, 108), "%Y-%m-%d")
    path, columns = check.write(dated(days, two(100))), two(100)
    if model:
        check.refused(path, "frequency D", "h", "--frequency", command=["forecast", "--model", model, "--data", path])
        check.forecast(model, path, columns, days, extra=["--frequency", "D"])


@kind
def not_finite(check):
    """A model's file with a NaN or an infinity is refused by the name of the tensor; a whole output stays as it was."""
    path = check.write(dated(hours(400), two(400)))
    model = check.train(path)
    for tensor, value in ("Linear.weight", math.nan), ("Linear.bias", math.inf), ("Linear.weight", -math.inf):
        content, (tensors, _, rest) = bytearray(model.read_bytes()), header_of(model)
        at = len(content) - len(rest) + tensors[tensor]["data_offsets"][1] - 4
        content[at:at + 4] = struct.pack("<f", value)
        bad = check.write(bytes(content), "bad.safetensors")
        out = bad.parent / "forecast.csv"
        out.write_text("whole\n")
        for command in ["evaluate"], ["forecast", "--out", out], ["inspect"]:
            arguments = [bad] if command[0] == "inspect" else ["--model", bad, "--data", path, *command[1:]]
            done = check.call(command[0], *arguments)
            if command[0] != "inspect":
                check.that(done.returncode == 2 and tensor in done.stderr and "bad.safetensors" in done.stderr,
                           f"{value} in {tensor}, {command[0]}: {done.returncode}, {done.stderr}")
        check.that(out.read_text() == "whole\n" and len(list(out.parent.iterdir())) == 2, "a refused forecast wrote a file")


@kind
def shifted(check):
    """A series twice as large and far away: evaluated by the saved scaler with a warning, and pruned by a scaler of its own."""
    times, columns = hours(408), two(400)
    base = check.write(dated(times, columns))
    for factor, add in (2.0, 100.0), (0.1, -40.0):
        moved = {name: [round(factor * value + add, 6) for value in values] for name, values in columns.items()}
        path = check.write(dated(times, moved), "shifted.csv")
        for name, sizes, more in ("itransformer", T, ["--no-instance-norm"]), ("tsmixer", [*T[:8], *T[-3:]], []):
            model = check.train(base, "--model", name, *more, "--epochs", "15", "--rate", "0.003", model=sizes)
            if not model:
                continue
            here, there = (check.call("evaluate", "--model", model, "--data", one) for one in (base, path))
            again = check.call("evaluate", "--model", model, "--data", path, "--refit-scaler")
            mse = [float(re.search(r"^MSE +(\S+)", done.stdout, re.M)[1]) for done in (here, there, again)]
            check.that(there.stderr.count("warning: ") >= 1 and "deviations" in there.stderr,
                       f"{name}: no warning of another level: {there.stderr}")
            check.that("scaler of the model" in there.stdout, f"{name}: evaluate does not say which scaler")
            check.that(mse[1] > 10 * mse[0], f"{name}: errors by the saved scaler {mse}")
            check.that(abs(mse[2] - mse[0]) < 1e-4 * mse[0] + 2e-6, f"{name}: errors by a scaler of its own {mse}")
        model = check.train(base, "--no-instance-norm", "--epochs", "15", "--rate", "0.003", model=T)
        out = check.place() / "out"
        done = check.call("prune", "--model", model, "--data", path,
                          *"--rate 0.02 --finetune-epochs 5 --drop 1 --quiet --latency-seconds 0 --out".split(), out)
        check.that(done.returncode == 0 and "the scaler is fitted anew" in done.stderr, f"prune: {done.stderr}")
        report = json.loads((out / "report.json").read_text())["pruned"]
        done = check.call("evaluate", "--model", out / "pruned.safetensors", "--data", path)
        found = [float(re.search(rf"^{error} +(\S+)", done.stdout, re.M)[1]) for error in ("MSE", "MAE")]
        check.that(not done.stderr and all(abs(one - report[key]) < 1e-6 for one, key in zip(found, ("mse", "mae"))),
                   f"pruned: {found}, {report}")
        done = check.call("forecast", "--model", out / "pruned.safetensors", "--data", path)
        for j, values in enumerate(moved.values()):
            cells = [float(line.split(",")[j + 1]) for line in done.stdout.splitlines()[1:]]
            margin = (max(values) - min(values)) / 3
            check.that(all(min(values) - margin < cell < max(values) + margin for cell in cells),
                       f"the pruned model forecasts {cells}")
