#!/usr/bin/env python3
"""docs/reproduction.md from what reproduce.py has written: benchmarks/reproduce/tables.py > docs/reproduction.md"""
import collections
import csv
import math
import pathlib

HERE = pathlib.Path(__file__).resolve().parent
DATASETS = ["ETTh1", "ETTh2", "ETTm1", "ETTm2", "Weather"]
PUBLISHED = ["DLinear", "RLinear", "S-Mamba", "TimesNet"]
PRESET, LITERAL, CONTROL = "send_absolute_sum", "send", "drop_last"
OTHER_SEEDS = "the mask best on the other seeds' test errors"


def read(name):
    path = HERE / name
    if not path.exists():
        return []
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def mean(values):
    return sum(values) / len(values)


def error(values):
    """Standard error of the mean."""
    if len(values) < 2:
        return math.nan
    centre = mean(values)
    return math.sqrt(sum((v - centre) ** 2 for v in values) / (len(values) * (len(values) - 1)))


def percent(values):
    """Mean +- standard error of shares, in percent."""
    values = [value for value in values if not math.isnan(value)]
    if not values:
        return "-"
    spread = f" +- {100 * error(values):.2f}" if len(values) > 1 else ""
    return f"{100 * mean(values):+.2f}{spread}"


def table(heads, rows):
    yield "| " + " | ".join(heads) + " |"
    yield "|" + "---|" * len(heads)
    for row in rows:
        yield "| " + " | ".join(str(cell) for cell in row) + " |"
    yield ""


class Cell:
    """One dense training and its masks, on one test set."""

    def __init__(self, rows):
        first = rows[0]
        self.dataset, self.test, self.model = first["dataset"], first["test_dataset"], first["model"]
        self.horizon, self.seed, self.options = int(first["horizon"]), int(first["seed"]), first["options"]
        self.modules = len(first["mask"])
        self.rows = {row["mask"]: row for row in rows}
        # Dense with or without fine-tuning, as validation chooses, which has not seen the test part.
        tuned, plain = float(self.rows["1" * self.modules]["loss_pruned"]), float(first["loss_dense"])
        which = "" if tuned <= plain else "_not_tuned"
        self.mse, self.mae = float(first["mse_dense" + which]), float(first["mae_dense" + which])

    def of_size(self, dropped):
        return [row for row in self.rows.values() if row["mask"].count("0") == dropped]

    def row(self, criterion, dropped):
        return next(row for row in self.of_size(dropped) if criterion in row["criterion"].split("+"))

    def change(self, row, metric="mse"):
        return float(row[metric + "_pruned"]) / getattr(self, metric) - 1

    def random(self, dropped):
        """The expected change of a random mask of this size: the mean over all."""
        return mean([self.change(row) for row in self.of_size(dropped)])

    def hindsight(self, dropped):
        return min(self.change(row) for row in self.of_size(dropped))


def share(row, what):
    before, after = row.get(what + "_dense"), row.get(what + "_pruned")
    return float(after) / float(before) - 1 if before and after else math.nan


def groups(cells, *names):
    found = collections.defaultdict(list)
    for cell in cells:
        found[tuple(getattr(cell, name) for name in names)].append(cell)
    return found


def by_cell(cells, value):
    """A value for each (dataset, model), averaged over horizons and seeds: neighbours share data and are no sample."""
    return [mean([value(cell) for cell in group]) for group in groups(cells, "dataset", "model").values()]


def before_and_after(cells):
    published = {(r["dataset"], int(r["horizon"]), r["model"]): r for r in read("published.csv")}
    for model in ("itransformer", "patchtst"):
        dropped = 2
        yield f"### {model}, {dropped} of {next(c.modules for c in cells if c.model == model)} modules removed\n"
        rows = []
        for dataset in DATASETS:
            for horizon in (96, 192, 336, 720):
                group = [c for c in cells if (c.model, c.dataset, c.horizon) == (model, dataset, horizon)]
                if not group:
                    continue
                preset = [c.row(PRESET, dropped) for c in group]
                itself = {"itransformer": "iTransformer", "patchtst": "PatchTST"}[model]
                others = [f"{published[dataset, horizon, m]['mse']} / {published[dataset, horizon, m]['mae']}"
                          for m in [itself] + PUBLISHED]
                rows.append([f"{dataset}-{horizon}", len(group), f"{mean([c.mse for c in group]):.4f} / {mean([c.mae for c in group]):.4f}",
                             f"{mean([float(r['mse_pruned']) for r in preset]):.4f} / {mean([float(r['mae_pruned']) for r in preset]):.4f}",
                             percent(c.change(r) for c, r in zip(group, preset)),
                             percent(c.change(r, "mae") for c, r in zip(group, preset)),
                             percent([share(preset[0], "macs")]), percent([mean([share(r, "latency_ms") for r in preset])]),
                             percent(c.change(c.row(LITERAL, dropped)) for c in group),
                             percent(c.change(c.row(CONTROL, dropped)) for c in group), percent(c.random(dropped) for c in group)] + others)
        yield from table(["cell", "seeds", "dense", "pruned", "MSE %", "MAE %", "MACs %", "latency %", "literal SEND, MSE %",
                          "drop deepest, MSE %", "random, MSE %", "published: itself, full size"] + PUBLISHED, rows)


def means(cells):
    rows = []
    for model in ("itransformer", "patchtst", "both"):
        some = [c for c in cells if model in (c.model, "both")]
        if not some:
            continue
        for name, change in ((PRESET, None), (LITERAL, None), (CONTROL, None)):
            rows.append([model, name, percent(by_cell(some, lambda c: c.change(c.row(name, 2)))),
                         percent(by_cell(some, lambda c: c.change(c.row(name, 2), "mae"))),
                         percent(by_cell(some, lambda c: share(c.row(name, 2), "macs"))),
                         percent(by_cell(some, lambda c: share(c.row(name, 2), "latency_ms")))])
        rows.append([model, "random (mean of all masks)", percent(by_cell(some, lambda c: c.random(2))), "", "", ""])
        rows.append([model, "best mask in hindsight", percent(by_cell(some, lambda c: c.hindsight(2))), "", "", ""])
    yield from table(["model", "criterion", "MSE %", "MAE %", "MACs %", "latency %"], rows)


def best_mask(cells, dropped):
    """Of this size, by the mean change over cells."""
    return min((row["mask"] for row in cells[0].of_size(dropped)), key=lambda mask: mean([c.change(c.rows[mask]) for c in cells]))


def criteria(cells):
    known = {(c.dataset, c.model, c.horizon, c.seed, c.options) for c in cells}
    rows = [r for r in read("criteria.csv")
            if (r["dataset"], r["model"], int(r["horizon"]), int(r["seed"]), r["options"]) in known]
    regret, rho = (collections.defaultdict(lambda: collections.defaultdict(list)) for _ in range(2))
    for row in rows:
        place = row["dataset"], row["model"]
        regret[row["criterion"]][place].append(float(row["regret"]))
        if not math.isnan(float(row["spearman"])):
            rho[row["criterion"]][place].append(float(row["spearman"]))
    regret[OTHER_SEEDS] = collections.defaultdict(list)
    regret["random (mean of all masks)"] = collections.defaultdict(list)
    for cell in cells:
        regret["random (mean of all masks)"][cell.dataset, cell.model].append(
            mean([(1 + cell.random(k)) / (1 + cell.hindsight(k)) - 1 for k in range(1, cell.modules)]))
    alike = groups(cells, "dataset", "model", "horizon")
    for cell in cells if all(len(group) > 1 for group in alike.values()) else []:  # else the others' means are over other cells
        others = [c for c in alike[cell.dataset, cell.model, cell.horizon] if c.seed != cell.seed]
        if others:
            regret[OTHER_SEEDS][cell.dataset, cell.model].append(
                mean([(1 + cell.change(cell.rows[best_mask(others, k)])) / (1 + cell.hindsight(k)) - 1 for k in range(1, cell.modules)]))
    lines = []
    for name, places in sorted(regret.items(), key=lambda item: mean([mean(v) for v in item[1].values()])):
        values = {place: mean(v) for place, v in places.items()}
        control = {place: mean(v) for place, v in regret[CONTROL].items()}
        against = [values[place] - control[place] for place in values if place in control]
        correlations = [mean(v) for v in rho[name].values()] if name in rho else []
        lines.append([name, percent(values.values()), percent(against) if name != CONTROL else "0",
                      f"{mean(correlations):+.2f} +- {error(correlations):.2f}" if correlations else "-"])
    yield from table(["criterion", "regret %", "regret against drop-deepest, points", "Spearman with leave-one-out"], lines)


def zero_shot(cells):
    rows = []
    for (dataset, test, model), group in sorted(groups([c for c in cells if c.test != c.dataset], "dataset", "test", "model").items()):
        rows.append([f"{dataset} -> {test}", model, len(group), f"{mean([c.mse for c in group]):.4f} / {mean([c.mae for c in group]):.4f}",
                     percent(c.change(c.row(PRESET, 2)) for c in group), percent(c.change(c.row(PRESET, 2), "mae") for c in group),
                     percent(c.change(c.row(CONTROL, 2)) for c in group), percent(c.random(2) for c in group)])
    yield from table(["trained on -> tested on", "model", "runs", "dense MSE / MAE", "pruned, MSE %", "MAE %", "drop deepest, MSE %",
                      "random, MSE %"], rows)


def training_options(cells):
    base = {(c.dataset, c.model, c.horizon, c.seed): c for c in cells if c.options == "base"}
    rows = []
    for options, group in sorted(groups(cells, "options").items(), key=lambda item: item[0] != ("base",)):
        group = [c for c in group if (c.dataset, c.model, c.horizon, c.seed) in base]
        of_base = lambda c: base[c.dataset, c.model, c.horizon, c.seed]
        nothing = lambda c: c.rows["0" * c.modules]
        rise = lambda c, row: float(row["loss_removed"]) / float(row["loss_dense"]) - 1
        rows.append([options[0], len(group), percent(by_cell(group, lambda c: c.mse / of_base(c).mse - 1)),
                     percent(by_cell(group, lambda c: c.change(c.row(PRESET, 2)))),
                     percent(by_cell(group, lambda c: of_base(c).change(of_base(c).row(PRESET, 2)))),
                     percent(by_cell(group, lambda c: float(c.row(PRESET, 2)["mse_pruned"]) / of_base(c).mse - 1)),
                     percent(by_cell(group, lambda c: rise(c, c.row(PRESET, 2)))),
                     percent(by_cell(group, lambda c: rise(of_base(c), of_base(c).row(PRESET, 2)))),
                     percent(by_cell(group, lambda c: rise(c, nothing(c)))), percent(by_cell(group, lambda c: rise(of_base(c), nothing(of_base(c))))),
                     percent(by_cell(group, lambda c: c.change(nothing(c))))])
    yield from table(["options", "runs", "dense against dense of base, MSE %", "two removed against own dense, MSE %",
                      "base in the same runs", "against dense of base, MSE %", "two removed, not fine-tuned, validation %",
                      "base in the same runs", "all removed, not fine-tuned, validation %", "base in the same runs", "all removed, MSE %"], rows)


def schedules(cells):
    base = {(c.model, c.dataset, c.horizon, c.seed): c.mse for c in cells}
    found = collections.defaultdict(dict)
    for row in read("schedules.csv"):
        found[row["options"], row["model"], row["dataset"], int(row["horizon"]), int(row["seed"])][row["when"]] = row
    runs = collections.defaultdict(list)
    for (options, *place, seed), both in found.items():
        after, during = both["one-shot"], both["in-training"]
        dense, mse, seconds = float(after["mse_dense"]), float(after["mse"]), float(after["seconds"])
        of_base = base.get((*place, seed), math.nan)
        runs[options, *place].append([float(during["mse"]) / mse - 1, float(during["seconds"]) / seconds - 1, mse / dense - 1,
                                      float(during["mse"]) / dense - 1, dense / of_base - 1, float(during["mse"]) / of_base - 1])
    rows = []
    for options in sorted({key[0] for key in runs}):
        some = {key[1:]: group for key, group in runs.items() if key[0] == options}
        rows += [[options, model, f"{dataset}-{horizon}", len(group)] + [percent(column) for column in zip(*group)]
                 for (model, dataset, horizon), group in sorted(some.items())]
        by_place = collections.defaultdict(list)
        for (model, dataset, _), group in some.items():
            by_place[model, dataset] += group
        means = [[mean(column) for column in zip(*group)] for group in by_place.values()]
        rows.append([options, "both", "all", sum(map(len, some.values()))] + [percent(column) for column in zip(*means)])
    yield from table(["options", "model", "data", "runs", "while against after training, MSE %", "processor time %",
                      "after training, against dense, MSE %", "while training, against dense, MSE %", "dense against base's dense, MSE %",
                      "while training, against base's dense, MSE %"], rows)


def main():
    grouped = collections.defaultdict(list)
    for row in read("results.csv"):
        grouped[tuple(row[name] for name in ("dataset", "test_dataset", "model", "horizon", "seed", "options"))].append(row)
    cells = [Cell(rows) for rows in grouped.values()]
    base = [c for c in cells if c.options == "base"]
    own = [c for c in base if c.test == c.dataset]
    confirming = [c for c in own if c.dataset == "Weather" or c.horizon == 192]
    tables = {"before_and_after": before_and_after(own), "means": means(own), "criteria": criteria(own),
              "confirming": criteria(confirming), "zero_shot": zero_shot(base),
              "options": training_options([c for c in cells if c.test == c.dataset]), "schedules": schedules(own)}
    text = (HERE / "reproduction.md.in").read_text()
    for name, lines in tables.items():
        text = text.replace("{{" + name + "}}\n", "\n".join(lines) + "\n")
    print(text.replace("{{runs}}", str(len(own))), end="")


if __name__ == "__main__":
    main()
