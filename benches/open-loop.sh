#!/usr/bin/env bash
# Whether the engine keeps an open schedule: at half of the rate that it reaches at all, the rate must come out within
# 0.1 %, and its lag be at most 200 us (99th percentile) above that of a thread that only waits, measured before and
# after. At 95 % of that rate it must say truly how busy it was. nginx has one core, the engine the other.
#
#   benches/open-loop.sh [SECONDS]
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:-30}
source benches/server.sh

on_core() { taskset -c $tool_core "$engine" "$@"; }
peak=$(on_core "$url" --seconds 5 | python3 -c 'import json,sys; print(json.load(sys.stdin)["rate_per_s"])')
probe() { on_core --probe 10; }
{
  probe
  on_core "$url" --rate "$(python3 -c "print($peak * 0.5)")" --seconds "$seconds"
  probe
  on_core "$url" --poisson "$(python3 -c "print($peak * 0.5)")" --seconds "$seconds"
  probe
  # What the system counts for the whole process is held against what the engine says of its thread.
  python3 - "$tool_core" "$engine" "$url" "$peak" <<'EOF'
import json, resource, subprocess, sys
core, engine, url, peak = sys.argv[1:]
command = ["taskset", "-c", core, engine, url, "--rate", str(float(peak) * 0.95), "--seconds", "10"]
result = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
result["system_cpu_s"] = used.ru_utime + used.ru_stime
print(json.dumps(result))
EOF
} | tee "$folder/results" | cut -c1-400
python3 - "$folder/results" "$peak" <<'EOF'
import json, sys
first, even, second, random, third, busy = [json.loads(line) for line in open(sys.argv[1])]
floor = sorted(probe["wakeup_us"]["p99"] for probe in (first, second, third))[1]
print(f"\nat most {float(sys.argv[2]):.0f}/s; a waiting thread is woken {floor} us late (p99, median of three)")
for name, result in (("even", even), ("random", random)):
    off = abs(result["rate_per_s"] / result["target_per_s"] - 1) * 100
    above = result["generator_lag_us"]["p99"] - floor
    print(f"half the rate, {name}: rate off by {off:.4f} %, lag p99 {result['generator_lag_us']['p99']} us, "
          f"{above} us above waiting, unsent {result['unsent']}")
share = busy["cpu_share"]
print(f"95 % of it: says {share * 100:.1f} % of a CPU, the system counts {busy['system_cpu_s'] / 10 * 100:.1f} % over the "
      f"10 s; achieved {busy['rate_per_s'] / busy['target_per_s'] * 100:.2f} %, lag p99 "
      f"{busy['generator_lag_us']['p99']} us")
EOF
