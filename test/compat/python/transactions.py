"""confluent-kafka for the tests of transactions, driven by test/support/transaction-clients.ts.

Carries out a line of words on stdin after the other, and answers each with a line: `ok WORD...`, or `error NAME` and what
the client said. No word has a space in it. `python3 transactions.py BOOTSTRAP`.
"""

import sys

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition

TIMEOUT_S = 30

bootstrap = sys.argv[1]
COMMON = {"bootstrap.servers": bootstrap, "reconnect.backoff.max.ms": 1000}
producer = None
failed = []


def init(transactional_id, timeout_ms):
    global producer
    producer = Producer(
        {**COMMON, "transactional.id": transactional_id, "transaction.timeout.ms": int(timeout_ms), "linger.ms": 0}
    )
    producer.init_transactions(TIMEOUT_S)


def begin():
    failed.clear()
    producer.begin_transaction()


def send(topic, partition, *values):
    for value in values:
        producer.produce(
            topic,
            partition=int(partition),
            value=value.encode(),
            on_delivery=lambda error, _message: error and failed.append(error),
        )
    producer.flush(TIMEOUT_S)
    if failed:
        raise KafkaException(failed[0])


def offsets(group, topic, partition, offset):
    # A consumer that has not joined: only its group's name is sent.
    consumer = Consumer({**COMMON, "group.id": group})
    metadata = consumer.consumer_group_metadata()
    producer.send_offsets_to_transaction([TopicPartition(topic, int(partition), int(offset))], metadata, TIMEOUT_S)
    consumer.close()


def commit():
    producer.commit_transaction(TIMEOUT_S)


def abort():
    producer.abort_transaction(TIMEOUT_S)


def read(topic, isolation):
    """All values up to the end for this isolation level, as `PARTITION:VALUE`."""
    consumer = Consumer(
        {
            **COMMON,
            "group.id": "never-joined",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "isolation.level": f"read_{isolation}",
            "fetch.wait.max.ms": 100,
        }
    )
    partitions = sorted(consumer.list_topics(topic, TIMEOUT_S).topics[topic].partitions)
    consumer.assign([TopicPartition(topic, partition, 0) for partition in partitions])
    values = {partition: [] for partition in partitions}
    open_partitions = set(partitions)
    while open_partitions:
        message = consumer.poll(TIMEOUT_S)
        if message is None:
            raise TimeoutError("nothing is read any more")
        if message.error() is None:
            values[message.partition()].append(message.value().decode())
        elif message.error().code() == KafkaError._PARTITION_EOF:
            open_partitions.discard(message.partition())
        else:
            raise KafkaException(message.error())
    consumer.close()
    return [f"{partition}:{value}" for partition in partitions for value in values[partition]]


def committed(group, topic, partition):
    consumer = Consumer({**COMMON, "group.id": group})
    (found,) = consumer.committed([TopicPartition(topic, int(partition))], TIMEOUT_S)
    consumer.close()
    if found.error:
        raise KafkaException(found.error)
    return [str(max(found.offset, -1))]


def answer(line):
    name, *words = line.split()
    try:
        return " ".join(["ok", *(COMMANDS[name](*words) or [])])
    except Exception as error:  # every error that the client raises is an answer here
        kafka_error = error.args[0] if error.args and isinstance(error.args[0], KafkaError) else None
        name = type(error).__name__ if kafka_error is None else kafka_error.name()
        return f"error {name} {error}".replace("\n", " ")


COMMANDS = {
    "init": init,
    "begin": begin,
    "send": send,
    "offsets": offsets,
    "commit": commit,
    "abort": abort,
    "read": read,
    "committed": committed,
}

for asked in sys.stdin:
    print(answer(asked), flush=True)
