#!/usr/bin/env bash
# Tokens a second on one core: signed by `jose::Signer`, and fetched from the identity provider over loopback, beside what
# `openssl speed` signs there. Signing must reach 0.8 of it.
set -euo pipefail
cd "$(dirname "$0")/.."

core=1
rounds=${1:-3}

cargo bench --bench tokens --no-run --quiet

# Signatures a second, of RSA 2048 and of P-256, by OpenSSL; by the clock, as the bench counts.
openssl_signs() {
  taskset -c $core openssl speed -elapsed -seconds 3 "$1" 2>/dev/null |
    awk -v bits="$2" 'index($0, bits) && $NF + 0 > 0 { print $(NF - 1) }' | tail -n 1
}

# The mean time of a bench, in nanoseconds.
mean() {
  python3 -c 'import json,sys; print(json.load(open(sys.argv[1]))["mean"]["point_estimate"])' \
    "target/criterion/$1/new/estimates.json"
}

printf '%-7s %12s %12s %8s %14s %8s\n' "" "openssl/s" "mint/s" "ratio" "endpoint/s" "ratio"
fell=0
for round in $(seq "$rounds"); do
  rsa=$(openssl_signs rsa2048 "2048 bits")
  curve=$(openssl_signs ecdsap256 nistp256)
  taskset -c $core cargo bench --quiet --bench tokens -- --warm-up-time 1 --measurement-time 3 mint >/dev/null 2>&1
  # The provider has one thread; who asks it needs the other core.
  cargo bench --quiet --bench tokens -- --warm-up-time 1 --measurement-time 3 endpoint >/dev/null 2>&1
  for row in "RS256 $rsa" "ES256 $curve"; do
    read -r name openssl <<<"$row"
    awk -v name="$name" -v openssl="$openssl" -v mint="$(mean "mint/$name")" -v batch="$(mean "endpoint/$name")" 'BEGIN {
      mint = 1e9 / mint; endpoint = 8e9 / batch
      printf "%-7s %12.0f %12.0f %8.2f %14.0f %8.2f\n", name, openssl, mint, mint / openssl, endpoint, endpoint / openssl
      exit mint / openssl < 0.8 }' || fell=1
  done
done
[ "$fell" = 0 ] || { echo "signing fell below 0.8 of what OpenSSL does"; exit 1; }
