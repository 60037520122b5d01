"""Holds the parameters of a request against the SDK's typed dictionaries."""

import decimal
import re
import typing
from urllib.parse import parse_qsl

import hints
from stripe._list_object import ListObject
from stripe._stripe_object import UntypedStripeObject


class Unreadable(Exception):
    """The form's keys contradict each other."""


def differences(route, query, body):
    """Yields (place, what is wrong), and (place, None) for each parameter that is right."""
    try:
        given = nested(parse_qsl(f"{query}&{body}".strip("&"), keep_blank_values=True, strict_parsing=False))
    except Unreadable as error:
        yield "", str(error)
        return
    if route.params is None:
        yield from ((name, "invented parameter") for name in given)
        return
    kind = next(each for each in hints.members(route.params) if each is not type(None))
    yield from within(kind, given, "")
    yield from unexpandable(route.answer, given.get("expand", []))


def nested(pairs):
    """`a[b][0]=x` as {"a": {"b": ["x"]}}."""
    tree = {}
    for key, value in pairs:
        head, *rest = re.split(r"\[", key)
        path = [head, *(part.removesuffix("]") for part in rest)]
        node = tree
        for step, then in zip(path, path[1:] + [None]):
            step = str(len(node)) if step == "" else step
            if then is None:
                if step in node:
                    raise Unreadable(f"{key} is given twice")
                node[step] = value
            else:
                node = node.setdefault(step, {})
                if not isinstance(node, dict):
                    raise Unreadable(f"{key} is both a value and an object")
    return listed(tree, top=True)


def listed(node, top=False):
    """Turns objects whose keys count from 0 into lists."""
    if not isinstance(node, dict):
        return node
    if not top and sorted(node) == sorted(map(str, range(len(node)))):
        return [listed(node[str(index)]) for index in range(len(node))]
    return {name: listed(value) for name, value in node.items()}


def within(typed_dict, given, place):
    known = hints.parameters(typed_dict)
    for name, (_, required) in known.items():
        if required and name not in given:
            yield at(place, name), "missing required parameter"
    for name, value in given.items():
        if name not in known:
            yield at(place, name), "invented parameter"
        else:
            yield from held(known[name][0], value, at(place, name))


def held(kind, value, place):
    """Checks one value against its type."""
    alternatives = hints.members(kind)
    if isinstance(value, dict):
        inner = next((each for each in alternatives if hints.is_typed_dict(each)), None)
        if inner:
            yield from within(inner, value, place)
        elif any(typing.get_origin(each) in (dict, UntypedStripeObject) for each in alternatives):
            texts = all(isinstance(each, str) for each in value.values())
            yield place, None if texts else "wrong nesting: its values are texts"
        else:
            yield place, "wrong nesting: an object is not taken here"
    elif isinstance(value, list):
        inner = next((each for each in alternatives if typing.get_origin(each) is list), None)
        if inner is None:
            yield place, "wrong nesting: a list is not taken here"
            return
        for each in value:
            yield from held(typing.get_args(inner)[0], each, f"{place}[]")
    else:
        yield place, scalar(alternatives, value)


def scalar(alternatives, text):
    words = hints.words(alternatives)
    if text in words:
        return None
    if words - {""}:
        return f"unknown value {text!r}"
    if any(accepts(each, text) for each in alternatives):
        return None
    simple = [each for each in alternatives if each in (str, int, bool, float, decimal.Decimal)]
    if not simple:
        return f"wrong nesting: {text!r} where an object or a list is taken"
    return f"wrong type: {text!r}"


def accepts(kind, text):
    forms = {
        str: r".*",
        int: r"-?\d+",
        bool: r"true|false",
        float: r"-?\d+(\.\d+)?",
        decimal.Decimal: r"-?\d+(\.\d+)?",
    }
    return kind in forms and re.fullmatch(forms[kind], text, re.DOTALL) is not None


def unexpandable(answer, paths):
    """What `expand` names must be fields of the answer, at most four deep."""
    for path in paths if isinstance(paths, list) else []:
        kinds = (answer,)
        segments = path.split(".")
        if len(segments) > 4:
            yield "expand[]", f"{path!r} is more than four levels deep"
        for segment in segments:
            kinds = tuple(each for kind in kinds for each in field_of(kind, segment))
        if not any(hints.is_resource(each) or typing.get_origin(each) is ListObject for each in kinds):
            yield "expand[]", f"{path!r} names nothing that can be expanded"


def field_of(kind, segment):
    """The types of a field, through lists."""
    if typing.get_origin(kind) is ListObject:
        return typing.get_args(kind) if segment == "data" else ()
    if hints.is_resource(kind):
        known = hints.fields(kind).get(segment)
        return hints.members(known[0]) if known else ()
    return ()


def at(place, name):
    return f"{place}[{name}]" if place else name
