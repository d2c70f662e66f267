"""Files as people have them, as texts: numbers, times in many forms, and tables of both."""
import datetime
import math

LOOKBACK, HORIZON = 24, 8  # of the models that read them
HOUR, DAY = datetime.timedelta(hours=1), datetime.timedelta(days=1)


def wave(rows, level=10.0, swing=3.0, decimals=4):
    """A daily wave with a noise that repeats after 101 rows."""
    return [round(level + swing * (math.sin(i * math.pi / 12) + (i * i * 37 % 101) / 150), decimals) for i in range(rows)]


def two(rows, scale=1.0):
    return {"load": wave(rows, 10 * scale, 3 * scale), "temp": wave(rows, 100 * scale, 20 * scale)}


def table(columns, separator=",", end="\n", write=str):
    """A file: columns by name, of texts as they are and of numbers as `write` makes them."""
    lines = [list(columns), *zip(*columns.values())]
    return "".join(separator.join(one if isinstance(one, str) else write(one) for one in line) + end for line in lines)


def dated(times, columns, name="date", **form):
    """A file with the times before its columns. There are more times than rows: the rest are those of the forecast."""
    rows = len(next(iter(columns.values())))
    return table({name: times[:rows], **columns}, **form)


def texts(times, form="%Y-%m-%d %H:%M:%S"):
    return [time.strftime(form) for time in times]


def steps(start, step, count):
    return [start + i * step for i in range(count)]


def hours(count, start=datetime.datetime(2023, 1, 1), form="%Y-%m-%d %H:%M:%S"):
    return texts(steps(start, HOUR, count), form)


def months(year, month, step, count, day=None):
    """Each step-th month on this day, or on its last one if it is shorter."""
    first = [datetime.date(year + (month - 1 + i * step) // 12, (month - 1 + i * step) % 12 + 1, 1) for i in range(count)]
    last = [((one.replace(day=28) + 4 * DAY).replace(day=1) - DAY).day for one in first]
    return [one.replace(day=min(day or end, end)) for one, end in zip(first, last)]


def kept(times, rule, count):
    return [time for time in times if rule(time)][:count]
