"""Reads what the stand-in's recorder wrote."""

import json
import pathlib


def exchanges(paths):
    for path in map(pathlib.Path, paths):
        for file in sorted(path.glob("*.jsonl")) if path.is_dir() else [path]:
            with file.open(encoding="utf-8") as lines:
                yield from (json.loads(line) for line in lines)
