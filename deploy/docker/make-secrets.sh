#!/bin/sh
# Make the secrets of a paper system, once: a database password, and one API key a user of the paper venue.
# What is there stays. For a real venue, put its own keys into the files named below instead.
set -eu
cd "$(dirname "$0")/secrets"
# The folder keeps others on this machine out; inside a container each file must be readable to user 10001.
chmod 700 .
umask 022

token() { od -An -tx1 -N32 /dev/urandom | tr -d ' \n'; }
keep() { test -s "$1" || { printf '%s' "$2" >"$1.new" && mv "$1.new" "$1"; }; }

keep database_password "$(token)"
for user in trade guardian; do
  keep "${user}_key" "$(token)"
  keep "${user}_secret" "$(token)"
done
keep venue_keys.json "{\"$(cat trade_key)\": \"$(cat trade_secret)\", \"$(cat guardian_key)\": \"$(cat guardian_secret)\"}"
