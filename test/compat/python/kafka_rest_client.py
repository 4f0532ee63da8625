"""Uses a client of PyPI for Confluent's REST Proxy (kafka-mcp), and prints what it got as JSON."""

import json
import sys

from kafka_mcp.api.api_client_kafka import KafkaApi

api = KafkaApi(sys.argv[1])
out = {}
api.create_topic("clients", partitions_count=2)
out["topics"] = [topic["topic_name"] for topic in api.list_topics()["data"] if not topic["is_internal"]]
out["topic"] = api.get_topic("clients")["partitions_count"]
out["partitions"] = [one["partition_id"] for one in api.list_partitions("clients")["data"]]
api.update_topic_config("clients", "retention.ms", "3600000")
api.update_topic_configs("clients", {"max.message.bytes": "100000"})
configs = {one["name"]: one["value"] for one in api.list_topic_configs("clients")["data"]}
out["configs"] = [configs["retention.ms"], configs["max.message.bytes"]]
out["brokers"] = [one["broker_id"] for one in api.list_brokers()["data"]]
for total in (3, 4):
    out["produced"] = api.produce_record("clients", {"total": total}, key="c-1", partition_id=0)["offset"]
out["groups"] = [one["consumer_group_id"] for one in api.list_consumer_groups()["data"]]
out["members"] = [one["client_id"] for one in api.list_consumers("readers")["data"]]
out["state"] = api.get_consumer_group("readers")["state"]
api.delete_topic("clients")
out["after"] = [topic["topic_name"] for topic in api.list_topics()["data"] if not topic["is_internal"]]
print(json.dumps(out))
