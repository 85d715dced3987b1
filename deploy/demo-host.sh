#!/bin/sh
# A host of the demo: real traffic in the background, and the agent that watches it in the foreground.
#
#   demo-host.sh NAME [--listen PORT] [--call HOST:PORT]...
set -eu
name=$1
shift
node deploy/demo-traffic.mjs "$@" &
exec node bin/whotalks agent --server aggregator:7443 --insecure --host-id "demo-$name" --host-name "$name" --label "service=$name"
