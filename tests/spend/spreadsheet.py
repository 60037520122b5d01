"""Reads an export as spreadsheets do, by each separator, and finds what they would take for a formula.

Standard input is JSON: the CSV, and the exact reference of each entry by its id. Prints what is wrong, one thing a line.
"""

import csv
import io
import json
import re
import sys
import unicodedata

SEPARATORS = [",", ";", "\t", "|"]
FORMULA = "=+-@＝＋－＠"
# As docs/api.md says it.
SEPARATES = r"[,;|\t\n\r\v\f\x85\u2028\u2029]"
PASSED_OVER = rf"(?:(?!{SEPARATES})[\s'\"\x00-\x1f\x7f-\x9f\u00ad\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff])"
GUARD = re.compile(rf"(?:(?<={SEPARATES})|\A)'(?={PASSED_OVER}*[=+\-@＝＋－＠])")


def begins_with_a_formula(cell):
    """Whether it does, behind everything that has no width, is a space or quotes text; a number is none."""
    if re.fullmatch(r"[+-]?\d+", cell):
        return False
    passed_over = lambda letter: letter in "\"" or unicodedata.category(letter) in ("Zs", "Zl", "Zp", "Cc", "Cf")
    rest = next((letter for letter in cell if not passed_over(letter)), "")
    return rest != "" and rest in FORMULA


def main():
    asked = json.load(sys.stdin)
    raw, exact = asked["csv"].encode("utf-8"), asked["references"]
    wrong = []
    if not raw.startswith(b"\xef\xbb\xbf") or raw.count(b"\xef\xbb\xbfid,") != 1:
        wrong.append(f"no mark of UTF-8 at the beginning: {raw[:9]!r}")
    text = raw.decode("utf-8-sig")
    cells = 0
    for separator in SEPARATORS:
        for row in csv.reader(io.StringIO(text, newline=""), delimiter=separator):
            cells += len(row)
            wrong += [f"by {separator!r}: {cell!r}" for cell in row if begins_with_a_formula(cell)]
    rows = {row["id"]: row for row in csv.DictReader(io.StringIO(text, newline=""))}
    for id, reference in exact.items():
        cell = rows[id]["reference"]
        if GUARD.sub("", cell) != (reference or ""):
            wrong.append(f"{cell!r} is not the guarded {reference!r}")
    print(json.dumps({"wrong": wrong[:20], "cells": cells}))


main()
