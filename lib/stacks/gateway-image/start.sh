#!/bin/sh
# Clients have to reach this very task, so it advertises the address that ECS gave to it.
set -eu
if [ -n "${ECS_CONTAINER_METADATA_URI_V4:-}" ]; then
  address=$(node -e 'fetch(process.env.ECS_CONTAINER_METADATA_URI_V4)
    .then((answer) => answer.json())
    .then(({ Networks: [network] }) => console.log(network.IPv4Addresses[0]))')
  export TIDELOG_ADVERTISED_LISTENERS="PLAINTEXT://$address:9092"
fi
exec node dist/lib/cli/main.js gateway --direct
