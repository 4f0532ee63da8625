"""python3-confluent-kafka, driven by test/compat/python-confluent-kafka.test.ts."""

import confluent_kafka
from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, ConfigResource, NewPartitions, NewTopic

from exchange import data_of, serve, text

TIMEOUT_S = 20


def version(_asked):
    return [confluent_kafka.version()[0], confluent_kafka.libversion()[0]]


def write(asked):
    failed = []
    producer = Producer(
        {
            "bootstrap.servers": asked["bootstrap"],
            "compression.type": asked["codec"],
            "enable.idempotence": asked["idempotent"],
            "acks": "all",
            "partitioner": "murmur2",
            "linger.ms": 20,
            "message.max.bytes": asked.get("maxRequestBytes", 1000000),
            "message.timeout.ms": TIMEOUT_S * 1000,
        }
    )
    for record in asked["records"]:
        producer.produce(
            asked["topic"],
            key=data_of(record["key"]),
            value=data_of(record["value"]),
            headers=[(name, data_of(value)) for name, value in record["headers"].items()],
            timestamp=record["timestamp"],
            on_delivery=lambda error, _message: error and failed.append(error),
        )
    producer.flush(TIMEOUT_S)
    if failed:
        raise KafkaException(failed[0])


def consumer_of(asked):
    return Consumer(
        {
            "bootstrap.servers": asked["bootstrap"],
            "group.id": "never-joined",
            "enable.auto.commit": False,
            "auto.offset.reset": "error",
        }
    )


def partitions_of(consumer, topic, offset):
    partitions = consumer.list_topics(topic, TIMEOUT_S).topics[topic].partitions
    return [TopicPartition(topic, partition, offset) for partition in sorted(partitions)]


def read(asked):
    consumer = consumer_of(asked)
    partitions = partitions_of(consumer, asked["topic"], 0)
    missing = 0
    for partition in partitions:
        partition.offset = asked["from"].get(str(partition.partition), 0)
        missing += consumer.get_watermark_offsets(partition, TIMEOUT_S)[1] - partition.offset
    consumer.assign(partitions)
    records = []
    while len(records) < missing:
        for message in consumer.consume(missing - len(records), 1):
            if message.error():
                raise KafkaException(message.error())
            records.append(message)
    consumer.close()
    return [
        {
            "partition": record.partition(),
            "offset": record.offset(),
            "timestamp": record.timestamp()[1],
            "key": text(record.key()),
            "value": text(record.value()),
            "headers": {name: text(value) for name, value in record.headers() or []},
        }
        for record in records
    ]


def read_at(asked):
    """What is at one offset, without going elsewhere where nothing can be."""
    consumer = consumer_of(asked)
    consumer.assign([TopicPartition(asked["topic"], asked["partition"], asked["offset"])])
    message = consumer.poll(TIMEOUT_S)
    consumer.close()
    if message is None:
        return []
    if message.error():
        raise KafkaException(message.error())
    return [text(message.value())]


def offsets_at(asked):
    consumer = consumer_of(asked)
    wanted = partitions_of(consumer, asked["topic"], asked["timestamp"])
    found = consumer.offsets_for_times(wanted, TIMEOUT_S)
    consumer.close()
    return {partition.partition: partition.offset for partition in found}


def first_and_end_offsets(asked):
    consumer = consumer_of(asked)
    wanted = partitions_of(consumer, asked["topic"], 0)
    found = [consumer.get_watermark_offsets(partition, TIMEOUT_S) for partition in wanted]
    consumer.close()
    return found


def with_admin(call):
    return lambda asked: call(AdminClient({"bootstrap.servers": asked["bootstrap"]}), asked)


def only_result(futures):
    """The result of a call about one thing; raises what it failed with."""
    (future,) = futures.values()
    return future.result(TIMEOUT_S)


def create_topic(admin, asked):
    topic = NewTopic(asked["topic"], asked["partitions"], 1, config=asked.get("configs", {}))
    only_result(admin.create_topics([topic]))


def describe_topic(admin, asked):
    topic = admin.list_topics(asked["topic"], TIMEOUT_S).topics[asked["topic"]]
    if topic.error is not None:
        raise KafkaException(topic.error)
    return [
        {"partition": partition.id, "leader": partition.leader, "replicas": partition.replicas, "isr": partition.isrs}
        for partition in sorted(topic.partitions.values(), key=lambda partition: partition.id)
    ]


def describe_cluster(admin, _asked):
    cluster = admin.list_topics(timeout=TIMEOUT_S)
    brokers = [{"id": broker.id, "host": broker.host, "port": broker.port} for broker in cluster.brokers.values()]
    return {"id": cluster.cluster_id, "controller": cluster.controller_id, "brokers": brokers}


def describe_configs(admin, asked):
    configs = only_result(admin.describe_configs([ConfigResource(asked["type"], asked["name"])]))
    return {name: {"value": entry.value, "source": entry.source} for name, entry in configs.items()}


def alter_configs(admin, asked):
    only_result(admin.alter_configs([ConfigResource(asked["type"], asked["name"], set_config=asked["configs"])]))


serve(
    {
        "version": version,
        "write": write,
        "read": read,
        "readAt": read_at,
        "offsetsAt": offsets_at,
        "offsets": first_and_end_offsets,
        "createTopic": with_admin(create_topic),
        "listTopics": with_admin(lambda admin, _asked: list(admin.list_topics(timeout=TIMEOUT_S).topics)),
        "describeTopic": with_admin(describe_topic),
        "describeCluster": with_admin(describe_cluster),
        "createPartitions": with_admin(
            lambda admin, asked: only_result(admin.create_partitions([NewPartitions(asked["topic"], asked["total"])]))
        ),
        "describeConfigs": with_admin(describe_configs),
        "alterConfigs": with_admin(alter_configs),
        "deleteTopic": with_admin(lambda admin, asked: only_result(admin.delete_topics([asked["topic"]]))),
    }
)
