#!/usr/bin/env bash
# landfall's load engine beside wrk, oha and k6: the same POST of 200 bytes over 64 keep-alive connections, as fast as
# each can, to nginx on loopback that answers as a REST proxy does. nginx has one core, the tool the other. Tools take
# turns in each round, so that a change of the machine's mood meets all of them; what counts is the median of the
# ratios within rounds. Where nginx is busy all of the time, its rate is what was measured, and only the requests for each
# CPU second tell tools apart.
#
#   benches/peers.sh [ROUNDS] [SECONDS]
#
# nginx and wrk are Debian's; oha comes by `cargo install oha`, k6 by `go install go.k6.io/k6@latest`. A tool that is
# not on the PATH is left out, and said to be.
set -euo pipefail
cd "$(dirname "$0")/.."

rounds=${1:-5}
seconds=${2:-5}
connections=64

source benches/server.sh

body=$(printf 'x%.0s' $(seq 200))
type=application/vnd.kafka.json.v2+json
cat >"$folder/post.lua" <<EOF
wrk.method = "POST"
wrk.body = "$body"
wrk.headers["Content-Type"] = "$type"
EOF
cat >"$folder/post.js" <<EOF
import http from 'k6/http';
export const options = { vus: $connections, duration: '${seconds}s', discardResponseBodies: false };
const parameters = { headers: { 'Content-Type': '$type' } };
export default function () {
  const answer = http.post('$url/topics/t', '$body', parameters);
  if (answer.status !== 200 || answer.json().offsets[0].offset !== 1) { throw new Error('no ack'); }
}
EOF

worker=$(pgrep -P "$(cat "$folder/pid")")

# Runs a tool on its core; prints its requests, their rate, the CPU seconds it used, and how busy nginx was.
measure() {
  python3 - "$tool_core" "$worker" "$seconds" "$@" <<'EOF'
import json, os, re, resource, subprocess, sys
core, worker, seconds, tool, *command = sys.argv[1:]
def ticks():
    fields = open(f"/proc/{worker}/stat").read().rsplit(")", 1)[1].split()
    return int(fields[11]) + int(fields[12])
before, served = resource.getrusage(resource.RUSAGE_CHILDREN), ticks()
out = subprocess.run(["taskset", "-c", core, *command], capture_output=True, text=True)
after = resource.getrusage(resource.RUSAGE_CHILDREN)
cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
if out.returncode != 0:
    sys.exit(f"{tool}: {out.stderr[-500:]}{out.stdout[-500:]}")
text = out.stdout
if tool == "landfall":
    result = json.loads(text)
    assert result["failed"] == 0 and result["acked"] == result["accepted"], result
    requests, rate = result["attempts"], result["rate_per_s"]
elif tool == "wrk":
    requests = int(re.search(r"(\d+) requests in", text).group(1))
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", text).group(1))
    assert "Non-2xx" not in text and "Socket errors" not in text, text
elif tool == "oha":
    result = json.loads(text)
    rate = result["summary"]["requestsPerSec"]
    requests = sum(result["statusCodeDistribution"].values())
else:
    match = re.search(r"http_reqs[^:]*: (\d+)\s+([\d.]+)/s", text)
    requests, rate = int(match.group(1)), float(match.group(2))
busy = (ticks() - served) / os.sysconf("SC_CLK_TCK") / float(seconds)
print(tool, requests, rate, cpu, busy)
EOF
}

tools=(landfall)
for tool in wrk oha k6; do
  if command -v $tool >/dev/null; then tools+=($tool); else echo "$tool is not here and is left out"; fi
done

run() {
  case $1 in
    landfall) measure landfall "$engine" "$url" --connections $connections --seconds "$seconds" ;;
    wrk) measure wrk wrk -t1 -c$connections -d"${seconds}s" -s "$folder/post.lua" "$url/topics/t" ;;
    oha) measure oha oha -z "${seconds}s" -c $connections --no-tui --output-format json -m POST \
      -T "$type" -d "$body" "$url/topics/t" ;;
    k6) measure k6 k6 run --quiet --no-usage-report "$folder/post.js" ;;
  esac
}

for round in $(seq "$rounds"); do
  for tool in "${tools[@]}"; do
    printf '%s ' "$round"
    run "$tool"
  done
done | tee "$folder/rounds"

python3 - "$folder/rounds" <<'EOF'
import collections, statistics, sys
rounds = collections.defaultdict(dict)
for line in open(sys.argv[1]):
    number, tool, requests, rate, cpu, busy = line.split()
    rounds[number][tool] = (float(rate), float(requests) / float(cpu), float(busy))
tools = [tool for tool in next(iter(rounds.values()))]
print(f"\n{'tool':<10} {'median req/s':>13} {'req/CPU-s':>11} {'landfall is':>12} {'per CPU-s':>10} {'nginx busy':>11}")
for tool in tools:
    of = lambda index: statistics.median(round[tool][index] for round in rounds.values())
    ratio = lambda index: statistics.median(r["landfall"][index] / r[tool][index] for r in rounds.values())
    print(f"{tool:<10} {of(0):>13.0f} {of(1):>11.0f} {ratio(0):>11.2f}x {ratio(1):>9.2f}x {of(2):>10.0%}")
EOF
