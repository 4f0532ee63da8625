"""
Reads orders, writes an invoice for each of them. Invoices and the offsets of their orders are one transaction, so that
after any crash each order has exactly one invoice, for readers with isolation.level=read_committed.

  python3 consume_transform_produce.py localhost:9092 orders invoices billing billing-1

Start as many as there is work for, each with a transactional id of its own, and start each again when it has ended. An
id that starts again aborts at once what it left open; else the transaction's time-out does so.
"""

import sys
import time

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaException, Producer, TopicPartition

ORDERS_AT_A_TIME = 500
WAIT_S = 0.5
TIMEOUT_S = 30


def main(bootstrap, source, target, group, transactional_id):
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": group,
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
            # If the orders come out of transactions themselves, the aborted ones are none.
            "isolation.level": "read_committed",
            # So long do others wait for a process that was killed.
            "session.timeout.ms": 6000,
            "heartbeat.interval.ms": 1000,
            "reconnect.backoff.max.ms": 1000,
        }
    )
    orders = []
    # Runs within poll: what was read before the partitions changed hands is not for this process any more.
    consumer.subscribe([source], on_revoke=lambda _consumer, _partitions: orders.clear())
    while True:
        # Its first request ends what a producer of this id has left open, and fences that producer.
        producer = Producer(
            {
                "bootstrap.servers": bootstrap,
                "transactional.id": transactional_id,
                "transaction.timeout.ms": 10000,
                "reconnect.backoff.max.ms": 1000,
            }
        )
        try:
            producer.init_transactions(TIMEOUT_S)
            go_back(consumer)
            while True:
                gather(orders, consumer)
                if orders:
                    invoice(orders, target, consumer, producer)
                orders.clear()
        except KafkaException as failed:
            error = failed.args[0]
            if error.fatal():
                raise  # Another process may have this id by now.
            # Whether the transaction took place is not known here. The group's offsets tell, once a new producer has
            # begun.
            print("begins again after", error, file=sys.stderr)
            orders.clear()


def gather(orders, consumer):
    """Reads orders for a moment, by one poll for each, so that a rebalance lies between two of them."""
    until = time.monotonic() + WAIT_S
    while len(orders) < ORDERS_AT_A_TIME and time.monotonic() < until:
        message = consumer.poll(0.1)
        if message is None:
            continue
        if message.error():
            raise KafkaException(message.error())
        orders.append(message)


def invoice(orders, target, consumer, producer):
    producer.begin_transaction()
    following = {}
    for order in orders:
        producer.produce(target, key=order.key(), value=b"invoice-" + order.value())
        following[(order.topic(), order.partition())] = order.offset() + 1
    offsets = [TopicPartition(topic, partition, offset) for (topic, partition), offset in following.items()]
    # The group's metadata make this fail if the partitions have another owner by now.
    producer.send_offsets_to_transaction(offsets, consumer.consumer_group_metadata(), TIMEOUT_S)
    producer.commit_transaction(TIMEOUT_S)
    print(len(orders), "invoices", flush=True)


def go_back(consumer):
    """Goes on at the committed offsets."""
    for partition in consumer.committed(consumer.assignment(), TIMEOUT_S):
        if partition.error:
            raise KafkaException(partition.error)
        if partition.offset < 0:
            partition.offset = OFFSET_BEGINNING
        consumer.seek(partition)


main(*sys.argv[1:])
