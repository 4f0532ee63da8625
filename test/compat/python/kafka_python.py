"""python3-kafka, driven by test/compat/python-kafka.test.ts."""

from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient, NewPartitions, NewTopic

import kafka
from exchange import data_of, serve, text


def version(_asked):
    return kafka.__version__


def write(asked):
    producer = KafkaProducer(
        bootstrap_servers=asked["bootstrap"],
        acks="all",
        compression_type=None if asked["codec"] == "none" else asked["codec"],
        retries=0,
        linger_ms=20,
        max_request_size=asked.get("maxRequestBytes", 1048576),
    )
    sent = [
        producer.send(
            asked["topic"],
            key=data_of(record["key"]),
            value=data_of(record["value"]),
            headers=[(name, data_of(value)) for name, value in record["headers"].items()],
            timestamp_ms=record["timestamp"],
        )
        for record in asked["records"]
    ]
    producer.flush(30)
    for future in sent:
        future.get(timeout=0)
    producer.close()


def consumer_of(asked):
    return KafkaConsumer(bootstrap_servers=asked["bootstrap"], group_id=None, enable_auto_commit=False)


def partitions_of(consumer, topic):
    return [TopicPartition(topic, partition) for partition in sorted(consumer.partitions_for_topic(topic) or [])]


def read(asked):
    consumer = consumer_of(asked)
    partitions = partitions_of(consumer, asked["topic"])
    consumer.assign(partitions)
    consumer.seek_to_beginning()
    for partition in partitions:
        start = asked["from"].get(str(partition.partition))
        if start is not None:
            consumer.seek(partition, start)
    ends = consumer.end_offsets(partitions)
    records = []
    while any(consumer.position(partition) < ends[partition] for partition in partitions):
        for batch in consumer.poll(timeout_ms=500).values():
            records.extend(batch)
    consumer.close()
    return [
        {
            "partition": record.partition,
            "offset": record.offset,
            "timestamp": record.timestamp,
            "key": text(record.key),
            "value": text(record.value),
            "headers": {name: text(value) for name, value in record.headers},
        }
        for record in records
    ]


def read_at(asked):
    """What is at one offset, without going elsewhere where nothing can be."""
    consumer = KafkaConsumer(bootstrap_servers=asked["bootstrap"], group_id=None, enable_auto_commit=False, auto_offset_reset="none")
    partition = TopicPartition(asked["topic"], asked["partition"])
    consumer.assign([partition])
    consumer.seek(partition, asked["offset"])
    try:
        return [text(record.value) for record in consumer.poll(5000).get(partition, [])]
    finally:
        consumer.close()


def offsets_at(asked):
    consumer = consumer_of(asked)
    found = consumer.offsets_for_times(
        {partition: asked["timestamp"] for partition in partitions_of(consumer, asked["topic"])}
    )
    consumer.close()
    return {partition.partition: None if at is None else at.offset for partition, at in found.items()}


def first_and_end_offsets(asked):
    consumer = consumer_of(asked)
    partitions = partitions_of(consumer, asked["topic"])
    first, end = consumer.beginning_offsets(partitions), consumer.end_offsets(partitions)
    consumer.close()
    return [[first[partition], end[partition]] for partition in partitions]


def with_admin(call):
    def run(asked):
        admin = KafkaAdminClient(bootstrap_servers=asked["bootstrap"])
        try:
            return call(admin, asked)
        finally:
            admin.close()

    return run


def create_topic(admin, asked):
    topic = NewTopic(asked["topic"], asked["partitions"], 1, topic_configs=asked.get("configs", {}))
    admin.create_topics([topic])


def describe_configs(admin, asked):
    resources = [ConfigResource(ConfigResourceType[asked["type"]], asked["name"])]
    configs = {}
    for answer in admin.describe_configs(resources):
        for code, message, _type, _name, entries in answer.resources:
            if code != 0:
                return {"refused": code, "message": message}
            # name, value, read-only, source (default: 5), sensitive, ...
            configs.update({entry[0]: {"value": entry[1], "source": entry[3]} for entry in entries})
    return configs


def alter_configs(admin, asked):
    resource = ConfigResource(ConfigResourceType[asked["type"]], asked["name"], configs=asked["configs"])
    return [code for code, _message, _type, _name in admin.alter_configs([resource]).resources]


serve(
    {
        "version": version,
        "write": write,
        "read": read,
        "readAt": read_at,
        "offsetsAt": offsets_at,
        "offsets": first_and_end_offsets,
        "createTopic": with_admin(create_topic),
        "listTopics": with_admin(lambda admin, _asked: admin.list_topics()),
        "describeTopic": with_admin(lambda admin, asked: admin.describe_topics([asked["topic"]])[0]),
        "describeCluster": with_admin(lambda admin, _asked: admin.describe_cluster()),
        "createPartitions": with_admin(
            lambda admin, asked: admin.create_partitions({asked["topic"]: NewPartitions(asked["total"])}) and None
        ),
        "describeConfigs": with_admin(describe_configs),
        "alterConfigs": with_admin(alter_configs),
        "deleteTopic": with_admin(lambda admin, asked: admin.delete_topics([asked["topic"]]) and None),
    }
)
