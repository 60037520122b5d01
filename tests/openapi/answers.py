"""Is the description OpenAPI, does it keep to itself, and does every recorded answer keep to it.

    python answers.py [FOLDER]

FOLDER has what the tests recorded with SALDO_RECORD_API: one JSON object a line.
"""

import functools
import json
import pathlib
import re
import sys
from collections import Counter

import jsonschema_rs
import openapi_spec_validator

DOCUMENT = json.loads((pathlib.Path(__file__).parents[2] / "docs/openapi.json").read_text())
# What the gateway itself refuses, in whose words the description does not go.
GATEWAY = {"not_found", "headers_too_large", "body_too_large", "timed_out", "throttled", "internal_error"}
# Below these lie no calls of Stripe, which the same tests ask for.
OURS = re.compile(r"/v1/(quote|top-ups|balance|entries|usage|debits|debit-batches|holds|settings|statements|operate|openapi\.json)(/|$)|/stripe/webhook$|/healthz$")


def main():
    openapi_spec_validator.validate(DOCUMENT)
    wrong = list(examples())
    if len(sys.argv) > 1:
        wrong += answers(pathlib.Path(sys.argv[1]))
    for one in wrong:
        print(one)
    sys.exit(1 if wrong else 0)


def examples():
    """What is wrong with the examples: each has to be what its schema says."""
    for name, schema in DOCUMENT["components"]["schemas"].items():
        for example in schema.get("examples", []):
            yield from (f"example of {name}: {error}" for error in errors(schema, example))


def answers(folder):
    """What is wrong with the recorded answers."""
    wrong, seen, described = {}, Counter(), described_answers()
    for file in sorted(folder.iterdir()):
        for line in filter(None, file.read_text().split("\n")):
            answer = json.loads(line)
            path = answer["path"].split("?")[0]
            call = find(answer["method"], path) if OURS.match(path) else None
            if call is None or by_gateway(answer) or by_stripe(answer):
                continue
            seen[call["operationId"], str(answer["status"])] += 1
            for error in faults(call, answer):
                wrong.setdefault(f"{call['operationId']} {answer['status']}: {error}", None)
    assert seen, f"{folder} has no answers"
    missing = sorted(described - set(seen))
    print(f"{sum(seen.values())} answers of {len(seen)} kinds; described and in no test over HTTP: {missing}")
    return wrong


def described_answers():
    return {
        (call["operationId"], status)
        for methods in DOCUMENT["paths"].values()
        for call in methods.values()
        for status in call["responses"]
    }


def by_stripe(answer):
    """Whether it came from Stripe's stand-in, some of whose calls are called as ours: only Stripe names its request so."""
    return "request-id" in answer["headers"]


def by_gateway(answer):
    kind = answer["headers"].get("content-type", "")
    return kind == "application/problem+json" and "cache-control" not in answer["headers"] and json.loads(answer["body"])["code"] in GATEWAY


def find(method, path):
    """The call of a path; what names every segment goes before what has a parameter."""
    for template in sorted(DOCUMENT["paths"], key=lambda one: one.count("{")):
        pattern = re.sub(r"\\{\w+\\}", "[^/]+", re.escape(template))
        if re.fullmatch(pattern, path) and method.lower() in DOCUMENT["paths"][template]:
            return DOCUMENT["paths"][template][method.lower()]
    return None


def faults(call, answer):
    response = resolved(call["responses"].get(str(answer["status"])))
    if response is None:
        yield f"is not described: {answer['body'][:300]}"
        return
    for name, header in response.get("headers", {}).items():
        header, value = resolved(header), answer["headers"].get(name.lower())
        if value is None and header.get("required"):
            yield f"has no header {name}"
        if value is not None:
            yield from (f"header {name}: {error}" for error in errors(header["schema"], value))
    kind = answer["headers"].get("content-type", "").split(";")[0]
    content = response.get("content", {})
    if not content:
        return
    if kind not in content:
        yield f"is {kind}"
    elif kind.endswith("json"):
        yield from errors(content[kind]["schema"], json.loads(answer["body"]))


@functools.cache
def validator(schema):
    """Of a schema as text."""
    schema = {**json.loads(schema), "components": DOCUMENT["components"]}
    return jsonschema_rs.Draft202012Validator(schema, validate_formats=True)


def errors(schema, value):
    for error in validator(json.dumps(schema)).iter_errors(value):
        yield f"{'/'.join(map(str, error.instance_path))}: {error.message[:300]}"


def resolved(value):
    while value and "$ref" in value:
        found = DOCUMENT
        for step in value["$ref"].removeprefix("#/").split("/"):
            found = found[step]
        value = found
    return value


main()
