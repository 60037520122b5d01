"""Holds what was answered against the SDK's classes."""

import decimal
import importlib
import typing

import hints
from stripe._error_object import ErrorObject
from stripe._list_object import ListObject
from stripe._object_classes import OBJECT_CLASSES
from stripe._stripe_object import UntypedStripeObject


# Of the SDK's documentation of `ErrorObject.type`, whose annotation names no values.
ERROR_TYPES = {"api_error", "card_error", "idempotency_error", "invalid_request_error"}


def differences(route, status, answer):
    """Yields (place, what is wrong), and (place, None) for each field that is right."""
    if status >= 400:
        extra = sorted(set(answer) - {"error"})
        if extra or not isinstance(answer.get("error"), dict):
            yield "error answer", "has the shape of no error of Stripe"
            return
        yield from resource(ErrorObject, answer["error"])
        if answer["error"].get("type") not in ERROR_TYPES:
            yield "ErrorObject.type", f"unknown value {answer['error'].get('type')!r}"
    else:
        yield from held(route.answer, answer, str(route))


def held(kind, value, place):
    """Checks one value against its type."""
    alternatives = hints.members(kind)
    if typing.Any in alternatives:
        yield place, None
    elif value is None:
        yield place, None if type(None) in alternatives else "null, and never null at Stripe"
    elif UntypedStripeObject[typing.Any] in alternatives:
        yield from untyped(value, place)
    elif isinstance(value, dict):
        yield from table(alternatives, value, place)
    elif isinstance(value, list):
        inner = next((each for each in alternatives if typing.get_origin(each) is list), None)
        if inner is None:
            yield place, "wrong type: a list"
            return
        yield place, None
        for each in value:
            yield from held(typing.get_args(inner)[0], each, f"{place}[]")
    else:
        yield place, scalar(alternatives, value)


def table(alternatives, value, place):
    lists = [each for each in alternatives if typing.get_origin(each) is ListObject]
    classes = [each for each in alternatives if hints.is_resource(each)]
    if lists and value.get("object") == "list":
        yield from page(typing.get_args(lists[0])[0], value, place)
    elif classes:
        named = [each for each in classes if getattr(each, "OBJECT_NAME", None) == value.get("object")]
        plain = [each for each in classes if not hasattr(each, "OBJECT_NAME")]
        if not named and not plain:
            yield place, f"wrong type: an object {value.get('object')!r}"
            return
        yield from resource((named or plain)[0], value)
    elif any(typing.get_origin(each) in (dict, UntypedStripeObject) for each in alternatives):
        inner = next(each for each in alternatives if typing.get_origin(each) in (dict, UntypedStripeObject))
        yield place, None
        for each in value.values():
            yield from held(typing.get_args(inner)[-1], each, f"{place}{{}}")
    else:
        yield place, "wrong type: an object"


def page(kind, value, place):
    known = {"object", "data", "has_more", "url"}
    for name in sorted(set(value) - known):
        yield f"list.{name}", "invented field"
    for name in sorted(known - set(value)):
        yield f"list.{name}", "missing field"
    for each in value.get("data", []):
        yield from held(kind, each, f"{place} data[]")


def resource(kind, value):
    """Checks an object of the SDK; places are named by its class, so that each is told once."""
    known = hints.fields(kind)
    deleted = value.get("deleted") is True
    for name, (_, required) in known.items():
        if required and name not in value and not deleted:
            yield f"{kind.__qualname__}.{name}", "missing field"
    for name, each in value.items():
        place = f"{kind.__qualname__}.{name}"
        if name not in known:
            yield place, "invented field"
        elif deleted and name not in ("id", "object", "deleted"):
            yield place, "a deleted object has id, object and deleted only"
        else:
            yield from held(known[name][0], each, place)


def untyped(value, place):
    """An object of any class, as inside an event: known by its `object`."""
    yield place, None
    if not isinstance(value, dict) or "object" not in value:
        return
    if value["object"] not in OBJECT_CLASSES:
        yield place, f"no object of Stripe is a {value['object']!r}"
        return
    module, name = OBJECT_CLASSES[value["object"]]
    yield from resource(getattr(importlib.import_module(module), name), value)


def scalar(alternatives, value):
    words = hints.words(alternatives)
    if value in words and isinstance(value, (str, bool)):
        return None
    if words - {""} and isinstance(value, str):
        return f"unknown value {value!r}"
    if type(value) in alternatives or (type(value) is int and float in alternatives):
        return None
    if decimal.Decimal in alternatives and isinstance(value, str) and is_decimal(value):
        return None
    return f"wrong type: {value!r}"


def is_decimal(text):
    try:
        return decimal.Decimal(text).is_finite()
    except decimal.InvalidOperation:
        return False
