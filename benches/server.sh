# Sourced by the benches: nginx on one core of loopback, which answers every POST as a REST proxy does, and the engine's
# bench (or that which `bench` names), built. Sets `folder` (removed in the end), `url`, `engine`, `server_core` and
# `tool_core`.
#
# Where that can be had, all of it runs in a network of its own: what firewall the machine has, for instance Docker's, would
# cost a tenth of each request, and most at the server.

bench=${bench:-engine}
build() {
  cargo bench --bench "$bench" --no-run --message-format=json 2>/dev/null |
    python3 -c 'import json,sys
for line in sys.stdin:
    message = json.loads(line)
    if message.get("target", {}).get("name") == sys.argv[1] and message.get("executable"): print(message["executable"])' "$bench"
}
# Before, since crates may have to be fetched.
engine=$(build)
if [ "${network:-}" != own ] && unshare --net true 2>/dev/null; then
  export network=own
  exec unshare --net bash -c 'ip link set lo up && exec "$0" "$@"' "$PWD/benches/$(basename "$0")" "$@"
fi

server_core=0
tool_core=1
port=18480

folder=$(mktemp -d)
trap 'nginx -c "$folder/nginx.conf" -s stop 2>/dev/null || true; rm -rf "$folder"' EXIT

command -v nginx >/dev/null || { echo "nginx is missing: apt-get install nginx-light"; exit 1; }
cat >"$folder/nginx.conf" <<EOF
worker_processes 1;
timer_resolution 100ms;
pid $folder/pid;
error_log $folder/error.log;
events { worker_connections 1024; }
http {
  access_log off; server_tokens off; etag off; max_ranges 0;
  keepalive_requests 1000000000;
  client_body_temp_path $folder/body; proxy_temp_path $folder/proxy; fastcgi_temp_path $folder/fastcgi;
  uwsgi_temp_path $folder/uwsgi; scgi_temp_path $folder/scgi;
  server {
    listen 127.0.0.1:$port backlog=1024;
    location / {
      default_type application/vnd.kafka.v2+json;
      return 200 '{"offsets":[{"partition":0,"offset":1,"error_code":null,"error":null}],"key_schema_id":null,"value_schema_id":null}';
    }
  }
}
EOF
taskset -c $server_core nginx -c "$folder/nginx.conf"

url=http://127.0.0.1:$port
