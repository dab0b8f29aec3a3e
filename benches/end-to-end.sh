#!/usr/bin/env bash
# Verified records a second of the embedded path, with 1 and with 100 records a request, and whose threads the CPU time is:
#   benches/end-to-end.sh [ROUNDS] [SECONDS]
# LANDFALL names the binary; without it one is built.
set -euo pipefail
cd "$(dirname "$0")/.."
rounds=${1:-3} seconds=${2:-4}
if [ -z "${LANDFALL:-}" ]; then
  cargo build --release --quiet
  LANDFALL=target/release/landfall
fi
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

for records in 1 100; do
  for round in $(seq "$rounds"); do
    "$LANDFALL" run scenarios/quickstart.yaml --quiet --reports "$out" --json "$out/result.json" \
      --set 'checks=[]' --set 'workload[0].arrivals={closed: {workers: 16}}' --set 'workload[0].connections=16' \
      --set "workload[0].for=${seconds}s" --set "workload[1].for=${seconds}s" \
      --set "workload[0].records_per_request=$records" &
    pid=$!
    # The threads' CPU times, shortly before the load ends.
    sleep "$seconds"
    shares=$(cat /proc/"$pid"/task/*/stat 2>/dev/null | sed 's/^[0-9]* (\(.*\)) [A-Z] /\1|/' | awk -F'|' '{
        split($2, f, " "); name = $1
        if (name ~ /^tokio/) name = "doubles"; else if (name ~ /^rdk/) name = "librdkafka"
        else if (name ~ /^load/) name = "load"; else if (name ~ /^read/) name = "reader"
        cpu[name] += f[11] + f[12]; all += f[11] + f[12]
      } END { for (name in cpu) if (cpu[name] * 100 >= all) printf "%s %.0f %%, ", name, 100 * cpu[name] / all }')
    wait "$pid"
    landed=$(grep -o '"landed": [0-9]*' "$out/result.json" | head -1 | grep -o '[0-9]*$')
    echo "$records records a request: $((landed / seconds)) verified records/s; CPU: ${shares%, }"
  done
done
