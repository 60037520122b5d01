"""Holds recorded exchanges against Stripe's own types: contract [--whole] RECORDING… (files of JSON lines, or folders).

Every request of the product is held against the typed parameters of the SDK, every answer against its classes. With
--whole, of a whole test run, a known difference that was not met is told too: it is known no longer.
"""

import sys

import stripe

from checker import Contract
from known import KNOWN
from recording import exchanges


def main():
    whole = "--whole" in sys.argv
    contract = Contract()
    for exchange in exchanges(each for each in sys.argv[1:] if each != "--whole"):
        contract.check(exchange)
    print(f"Stripe's SDK {stripe.VERSION}, API {stripe.api_version}")
    for route, count in sorted(contract.requests.items()):
        print(f"  {count:7} {route}")
    print(contract.summary())
    wrong = [f"{each} ({count} times)" for each, count in sorted(contract.found.items()) if each not in KNOWN]
    if whole:
        wrong += [f"known and not met: {each}" for each in KNOWN if each not in contract.found]
    if not contract.requests:
        wrong.append("nothing: the product asked nothing")
    for each in wrong:
        print(f"DIFFERS {each}")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
