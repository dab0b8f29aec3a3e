#!/usr/bin/env bash
# What a request costs through landfall's gateway and balancer, beside nginx that does no more than `proxy_pass` to the same
# back end: the same POST of one record over 64 keep-alive connections, sent by wrk as fast as it can. The back end (another
# nginx) and wrk share one core; what is measured has the other. They take turns in each round, so that a change of the
# machine's mood meets both; what counts is the median of the ratios within rounds.
#
#   benches/gateway.sh [ROUNDS] [SECONDS]
#
# nginx and wrk are Debian's.
set -euo pipefail
cd "$(dirname "$0")/.."

rounds=${1:-5}
seconds=${2:-5}

bench=gateway
source benches/server.sh
command -v wrk >/dev/null || { echo "wrk is missing: apt-get install wrk"; exit 1; }

proxy_port=18481
cat >"$folder/proxy.conf" <<EOF
worker_processes 1;
pid $folder/proxy.pid;
error_log $folder/proxy-error.log;
events { worker_connections 1024; }
http {
  access_log off;
  keepalive_requests 1000000000;
  client_body_temp_path $folder/p-body; proxy_temp_path $folder/p-proxy; fastcgi_temp_path $folder/p-fastcgi;
  uwsgi_temp_path $folder/p-uwsgi; scgi_temp_path $folder/p-scgi;
  upstream back { server 127.0.0.1:$port; keepalive 64; keepalive_requests 1000000000; }
  server {
    listen 127.0.0.1:$proxy_port backlog=1024;
    location / { proxy_pass http://back; proxy_http_version 1.1; proxy_set_header Connection ""; }
  }
}
EOF
taskset -c $tool_core nginx -c "$folder/proxy.conf"
mkfifo "$folder/stdin" "$folder/stdout"
taskset -c $tool_core "$engine" "127.0.0.1:$port" <"$folder/stdin" >"$folder/stdout" &
gateway_pid=$!
exec 3>"$folder/stdin"
read -r base <"$folder/stdout"
stop() {
  exec 3>&-
  nginx -c "$folder/proxy.conf" -s stop 2>/dev/null || true
  nginx -c "$folder/nginx.conf" -s stop 2>/dev/null || true
  rm -rf "$folder"
}
trap stop EXIT

cat >"$folder/post.lua" <<'EOF'
wrk.method = "POST"
wrk.body = '{"records":[{"value":{"id":"2026-01-01T00:00:00Z","text":"' .. string.rep("x", 120) .. '"}}]}'
wrk.headers["Content-Type"] = "application/vnd.kafka.json.v2+json"
wrk.headers["Authorization"] = "Bearer " .. string.rep("a", 600)
done = function(summary)
  local e = summary.errors
  io.write(string.format("RESULT %d %d\n", summary.requests, e.status + e.read + e.write + e.connect + e.timeout))
end
EOF

worker=$(pgrep -P "$(cat "$folder/proxy.pid")")
python3 - "$rounds" "$seconds" "$server_core" "$folder/post.lua" "nginx|$worker|http://127.0.0.1:$proxy_port" \
  "landfall|$gateway_pid|$base" <<'EOF'
import re, statistics, subprocess, sys
rounds, seconds, core, script, *subjects = sys.argv[1:]
def ticks(pid):
    fields = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
    return int(fields[11]) + int(fields[12])
def rss(pid):
    return int(re.search(r"VmRSS:\s+(\d+)", open(f"/proc/{pid}/status").read()).group(1))
costs = {}
for turn in range(int(rounds) + 1):
    order = subjects if turn % 2 else subjects[::-1]
    for subject in order:
        name, pid, url = subject.split("|")
        before = ticks(pid)
        command = ["taskset", "-c", core, "wrk", "-t1", "-c64", f"-d{seconds}s", "-s", script, url + "/topics/t"]
        out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        requests, errors = map(int, re.search(r"RESULT (\d+) (\d+)", out).groups())
        assert errors == 0, out
        used = (ticks(pid) - before) / 100
        if turn:  # the first is to warm up
            costs.setdefault(name, []).append(requests / used)
            print(f"round {turn}  {name:9}{requests / float(seconds):10.0f} requests/s  {used:6.2f} CPU s  "
                  f"{requests / used:10.0f} requests per CPU s  {rss(pid):8} KiB")
ratios = [ours / theirs for ours, theirs in zip(costs["landfall"], costs["nginx"])]
print(f"requests per CPU second, landfall over nginx: median {statistics.median(ratios):.2f}, "
      f"from {min(ratios):.2f} to {max(ratios):.2f}")
EOF
