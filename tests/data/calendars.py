#!/usr/bin/env python3
"""Writes calendars.csv: what comes next in forty years of calendars, by Python's datetime and calendar alone.

A line of a frequency, then one line per time. After a change: calendars.py > calendars.csv
"""
import calendar
import datetime


def months(first_year, years, step, day, start=1):
    """Every `step` months on `day`, or on the last one of a shorter month."""
    for month in range(start - 1, 12 * years, step):
        year = first_year + month // 12
        yield datetime.datetime(year, month % 12 + 1, min(day, calendar.monthrange(year, month % 12 + 1)[1]))


def steps(first, last, step, weekdays=range(7), opens=datetime.time(0), closes=datetime.time(23, 59, 59)):
    """Every `step`, counted from the beginning of the hours of each day, on these days of the week."""
    day = first.date()
    while day <= last.date():
        now = datetime.datetime.combine(day, opens)
        while day.weekday() in weekdays and now <= datetime.datetime.combine(day, closes):
            yield now
            now += step
        day += datetime.timedelta(days=1)


def weeks(first, years):
    while first.year < 1990 + years:
        yield first
        first += datetime.timedelta(days=7)


DAY, FRIDAY = datetime.timedelta(days=1), range(5)
D = datetime.datetime
CALENDARS = {
    "MS": months(1990, 40, 1, 1),
    "ME": months(1990, 40, 1, 31),
    "MS day 29": months(1990, 40, 1, 29),
    "MS day 30": months(1990, 40, 1, 30),
    "MS day 15": months(1990, 40, 1, 15),
    "QS": months(1990, 40, 3, 1),
    "QE": months(1990, 40, 3, 31, 3),
    "YS": months(1990, 40, 12, 1),
    "YE": months(1990, 40, 12, 31, 12),
    "2MS": months(1990, 40, 2, 1),
    "W": weeks(D(1990, 1, 7), 40),
    "B": steps(D(1990, 1, 1), D(2029, 12, 31), DAY, FRIDAY),
    "D": steps(D(1999, 12, 1), D(2000, 3, 31), DAY),
    "D Mon,Tue,Wed,Thu,Sun": steps(D(2000, 1, 2), D(2000, 12, 31), DAY, (0, 1, 2, 3, 6)),
    "30min B 09:00-15:30": steps(D(2023, 12, 1), D(2024, 1, 31), datetime.timedelta(minutes=30), FRIDAY,
                                 datetime.time(9), datetime.time(15, 30)),
    "h 06:00-22:00": steps(D(2024, 2, 1), D(2024, 3, 3), datetime.timedelta(hours=1), range(7), datetime.time(6), datetime.time(22)),
    "15min": steps(D(2000, 2, 26), D(2000, 3, 1), datetime.timedelta(minutes=15)),
}
for name, times in CALENDARS.items():
    print(name)
    for time in times:
        print(f"{time:%Y-%m-%d}" if time.time() == datetime.time(0) else f"{time:%Y-%m-%d %H:%M}")
