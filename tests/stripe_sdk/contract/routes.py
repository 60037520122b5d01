"""Every call that Stripe's API has, read from the source of the SDK's services: method, path, parameters, answer."""

import ast
import importlib
import pathlib
from dataclasses import dataclass

import stripe


@dataclass(frozen=True)
class Route:
    """One call; `params` and `answer` are the SDK's types, `params` is None where the call has none."""

    method: str
    template: str
    params: object
    answer: object

    def __str__(self):
        return f"{self.method} {self.template}"


class Names(dict):
    """Names as one module of the SDK sees them, those that it imports for type checkers included."""

    def __init__(self, module):
        super().__init__()
        self.module = module
        self.imports = {}
        for node in ast.walk(source_of(module)):
            if isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
                for alias in node.names:
                    self.imports[alias.asname or alias.name] = (node.module, alias.name)

    def __missing__(self, name):
        if hasattr(self.module, name):
            return getattr(self.module, name)
        if name not in self.imports:
            raise KeyError(name)
        module, attribute = self.imports[name]
        return getattr(importlib.import_module(module), attribute)


_trees = {}


def source_of(module):
    if module.__name__ not in _trees:
        _trees[module.__name__] = ast.parse(pathlib.Path(module.__file__).read_text(encoding="utf-8"))
    return _trees[module.__name__]


class Routes:
    """The routes by method and path; a literal segment is preferred to a placeholder."""

    def __init__(self):
        self.sources = {}
        self.found = {}
        root = pathlib.Path(stripe.__file__).parent
        for file in sorted(root.rglob("_*_service.py")):
            module = ".".join((stripe.__name__, *file.relative_to(root).with_suffix("").parts))
            for function in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if isinstance(function, ast.FunctionDef):
                    self.read(module, function)

    def read(self, module, function):
        for node in ast.walk(function):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "_request":
                template = path_of(node.args[1])
                if template and template.startswith("/v1/"):
                    method = node.args[0].value.upper()
                    segments = tuple("{}" if part.startswith("{") else part for part in template.split("/"))
                    self.sources.setdefault((method, len(segments)), []).append((segments, template, module, function))

    def of(self, method, path):
        """The route of a request, or None when Stripe has none with this path."""
        given = path.rstrip("/").split("/")
        fitting = [
            entry
            for entry in self.sources.get((method, len(given)), [])
            if all(wanted in ("{}", part) and part for wanted, part in zip(entry[0][1:], given[1:]))
        ]
        if not fitting:
            return None
        _, template, module, function = min(fitting, key=lambda entry: entry[0].count("{}"))
        if (method, template) not in self.found:
            names = Names(importlib.import_module(module))
            params = next((each.annotation for each in function.args.args if each.arg == "params"), None)
            self.found[method, template] = Route(
                method, template, evaluated(params, names) if params else None, evaluated(function.returns, names)
            )
        return self.found[method, template]


def path_of(node):
    """The path in `"/v1/x"` or `"/v1/x/{id}".format(id=…)`."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "format":
        node = node.func.value
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def evaluated(annotation, names):
    """An annotation as a type, with the names inside its quotes resolved."""
    from hints import resolved

    return resolved(eval(ast.unparse(annotation), {}, names), names)  # noqa: S307 the SDK's own source
