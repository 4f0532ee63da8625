#!/usr/bin/env bash
# Produces one record over HTTP and reads it back as a member of a group.
# Start `npx tidelog dev` first. Usage: produce-and-consume.sh [http://127.0.0.1:8082]
set -euo pipefail

rest=${1:-http://127.0.0.1:8082}
json='Content-Type: application/vnd.kafka.json.v2+json'
v2='Content-Type: application/vnd.kafka.v2+json'
me=$rest/consumers/example/instances/me-$$

curl -sf "$rest/topics/greetings" -H "$json" -d '{"records": [{"key": "a", "value": {"hello": "world"}}]}' > /dev/null

curl -sf "$rest/consumers/example" -H "$v2" \
  -d "{\"name\": \"me-$$\", \"format\": \"json\", \"auto.offset.reset\": \"earliest\"}" > /dev/null
trap 'curl -sf -X DELETE "$me"' EXIT
curl -sf "$me/subscription" -H "$v2" -d '{"topics": ["greetings"]}'
curl -sf "$me/records" -H 'Accept: application/vnd.kafka.json.v2+json'
echo
