#!/bin/bash
# The first process of a namespace that a test makes: sets it up, then reaps what is orphaned there.
#
#   namespace-init.sh host|container NAME
#
# Prints `ready PID`, PID as the creator's /proc shows it, and lives until its stdin ends. The other end of stdin is held
# by the test, so that a test which dies in any way takes the namespace and everything in it along.
set -e
read -r pid _ </proc/self/stat
if [ "$1" = host ]; then
  mount -t proc proc /proc
  mount -t sysfs sysfs /sys
  # For what its processes store: gone with the namespace.
  mount -t tmpfs tmpfs /mnt
fi
echo "$2" >/proc/sys/kernel/hostname
ip link set lo up
# The local ports that tests choose are given to nobody who asks for any. They are few at a time, since whoever would have been
# given one has the next port that is free: behind many of them, sockets that have nothing else in common would share one.
echo 40000-40009,40053,40100,41000-41009,42000-42009,43000-43009 >/proc/sys/net/ipv4/ip_local_reserved_ports
echo "ready $pid"
# bash waits for every child it is given, also adopted ones, while it reads.
while read -r _; do :; done
