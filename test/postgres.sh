#!/usr/bin/env bash
# Starts a private PostgreSQL for the tests, on loopback and in a folder of its
# own, and prints its address; "stop" ends it. It touches no other cluster.
#   test/postgres.sh start DIR   |   test/postgres.sh stop DIR
set -eu
dir=${2:?folder}
bin=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -1)
[ -n "$bin" ] || { echo "postgres: not installed; try: sudo apt-get install postgresql" >&2; exit 1; }
as() { if [ "$(id -u)" = 0 ]; then runuser -u postgres -- "$@"; else "$@"; fi; }
case ${1:-} in
start)
  mkdir -p "$dir"
  if [ "$(id -u)" = 0 ]; then chown postgres "$dir"; fi
  if [ ! -f "$dir/data/PG_VERSION" ]; then
    as "$bin/initdb" -D "$dir/data" -U filo -A trust -E UTF8 --locale=C.UTF-8 -N >"$dir.log" 2>&1 || { cat "$dir.log" >&2; exit 1; }
  fi
  if ! as "$bin/pg_ctl" -D "$dir/data" status >/dev/null 2>&1; then
    port=$(python3 -c 'import socket; s=socket.socket(); s.bind(("127.0.0.1",0)); print(s.getsockname()[1])' 2>/dev/null || echo 54377)
    echo "$port" >"$dir.port"
    # fsync stays off: the data of tests need not outlive the machine.
    as "$bin/pg_ctl" -D "$dir/data" -w -t 60 -o "-p $port -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c fsync=off -c max_connections=200" -l "$dir/log" start >/dev/null || { cat "$dir/log" >&2; exit 1; }
  fi
  echo "postgres://filo@127.0.0.1:$(cat "$dir.port")/postgres?sslmode=disable"
  ;;
stop) as "$bin/pg_ctl" -D "$dir/data" -m fast stop >/dev/null 2>&1 || true ;;
*) echo "use: test/postgres.sh start|stop DIR" >&2; exit 2 ;;
esac
