"""Produces orders over HTTP so that a retry stores none twice, and reads them back.

Start `npx tidelog dev` first. Needs the package requests (Debian: python3-requests).
Usage: orders.py [http://127.0.0.1:8082]
"""

import sys
import uuid

import requests

REST = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8082"
V2 = {"Content-Type": "application/vnd.kafka.v2+json"}
JSON = "application/vnd.kafka.json.v2+json"


def ask(method, url, **arguments):
    answer = requests.request(method, url, timeout=30, **arguments)
    answer.raise_for_status()
    return answer


def produce(order):
    """Tries until it is stored. The key makes repeated attempts one."""
    headers = {"Content-Type": JSON, "Idempotency-Key": str(uuid.uuid4())}
    body = {"records": [{"key": order["customer"], "value": order}]}
    for _ in range(5):
        try:
            return ask("POST", f"{REST}/topics/orders", json=body, headers=headers).json()["offsets"][0]
        except requests.RequestException as error:
            print("again:", error, file=sys.stderr)
    sys.exit("the order was not stored")


def consume(group):
    config = {"format": "json", "auto.offset.reset": "earliest", "auto.commit.enable": "false"}
    me = ask("POST", f"{REST}/consumers/{group}", json=config, headers=V2).json()["base_uri"]
    try:
        ask("POST", f"{me}/subscription", json={"topics": ["orders"]}, headers=V2)
        records = ask("GET", f"{me}/records", headers={"Accept": JSON}).json()
        for record in records:
            print(record["key"], record["value"]["total"])
        # What was printed is done: the next member of the group goes on behind it.
        ask("POST", f"{me}/offsets", headers=V2)
    finally:
        ask("DELETE", me)


for total in (3, 4, 5):
    produce({"customer": "c-1", "total": total})
consume("billing")
