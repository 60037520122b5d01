"""The SDK's annotations as types: what a parameter or a field may hold, and which ones must be there."""

import functools
import inspect
import sys
import types
import typing

import typing_extensions
from stripe._request_options import RequestOptions
from stripe._stripe_object import StripeObject

from routes import Names

OPTIONS = frozenset(RequestOptions.__annotations__)


def resolved(annotation, names):
    """A type without unresolved names and without Required and NotRequired."""
    holder = type("Holder", (), {"__annotations__": {"it": annotation}})
    return typing_extensions.get_type_hints(holder, globalns=vars(names.module), localns=names)["it"]


@functools.cache
def names_of(module):
    return Names(sys.modules[module])


@functools.cache
def parameters(typed_dict):
    """The parameters of a typed dictionary: name to (type, required). Options of the SDK's client are none."""
    names = names_of(typed_dict.__module__)
    return {
        name: (resolved(annotation, names), name in typed_dict.__required_keys__)
        for name, annotation in typed_dict.__annotations__.items()
        if name not in OPTIONS
    }


@functools.cache
def fields(resource):
    """The fields of a resource class: name to (type, must be there)."""
    found = {}
    for base in reversed(resource.__mro__):
        if base is StripeObject or not issubclass(base, StripeObject):
            continue
        names = names_of(base.__module__)
        for name, annotation in inspect.get_annotations(base).items():
            if not name.startswith("_") and name.islower():
                kind = resolved(annotation, names)
                found[remapped(base, name)] = (kind, type(None) not in members(kind))
    return found


def remapped(resource, name):
    """The field's name in JSON, where it is a reserved word in Python."""
    return resource._field_remappings.get(name, name)


def members(kind):
    """The alternatives of a union, flattened; of anything else, itself."""
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        return tuple(each for member in typing.get_args(kind) for each in members(member))
    return (kind,)


def words(alternatives):
    """The literals among the alternatives; the newest API may add to them, and this version's are these."""
    return {
        word for each in alternatives if typing.get_origin(each) is typing.Literal for word in typing.get_args(each)
    }


def is_typed_dict(kind):
    return isinstance(kind, type) and typing_extensions.is_typeddict(kind)


def is_resource(kind):
    return isinstance(kind, type) and issubclass(kind, StripeObject)
