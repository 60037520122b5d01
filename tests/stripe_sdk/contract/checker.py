"""Holds exchanges against the SDK's types, one by one, and keeps what differs."""

import collections
import json

import stripe

import answered
import asked
from routes import Routes

PRODUCT = "Saldo/"


class Contract:
    """What was checked, and what differed."""

    def __init__(self, routes=None):
        self.routes = routes or Routes()
        self.requests = collections.Counter()
        self.shapes = set()
        self.parameters = set()
        self.objects = 0
        self.fields = set()
        self.found = collections.Counter()

    def check(self, exchange):
        path = exchange["path"]
        route = self.routes.of(exchange["method"], path)
        product = exchange["user_agent"].startswith(PRODUCT)
        if route is None:
            if product:
                self.differs("request", f"{exchange['method']} {path}", "", "Stripe has no such path")
            elif exchange["status"] < 400:
                self.differs("answer", f"{exchange['method']} {path}", "", "Stripe has no such path")
            return
        if product:
            self.check_request(route, exchange)
        self.check_answer(route, exchange)

    def check_request(self, route, exchange):
        self.requests[str(route)] += 1
        places = set()
        for place, wrong in asked.differences(route, exchange["query"], exchange["body"]):
            places.add(place)
            if wrong:
                self.differs("request", route, place, wrong)
        if exchange["version"] != stripe.api_version:
            self.differs("request", route, "Stripe-Version", f"is {exchange['version']!r}, not {stripe.api_version!r}")
        if route.method == "POST" and not exchange["idempotent"]:
            self.differs("request", route, "Idempotency-Key", "is missing: the request cannot be repeated")
        self.shapes.add((str(route), frozenset(places)))
        self.parameters.update((str(route), place) for place in places)

    def check_answer(self, route, exchange):
        self.objects += 1
        for place, wrong in answered.differences(route, exchange["status"], json.loads(exchange["answer"])):
            self.fields.add(place)
            if wrong:
                self.differs("answer", "", place, wrong)

    def differs(self, side, where, place, wrong):
        self.found[" ".join(part for part in (side, str(where), place) if part) + f": {wrong}"] += 1

    def summary(self):
        return (
            f"{sum(self.requests.values())} requests of the product, {len(self.shapes)} distinct, with "
            f"{len(self.parameters)} different parameters; {self.objects} answers with {len(self.fields)} different fields"
        )
