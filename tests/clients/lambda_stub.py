"""A runtime that misbehaves as no real one does, for tests/lambda. The argument says how it starts, an event what it
does with it."""

import http.client
import json
import os
import sys
import time

API = os.environ["AWS_LAMBDA_RUNTIME_API"]
RUNTIME = "/2018-06-01/runtime/"
LIMIT = 6 * 1024 * 1024 + 100


def call(method, path, body=None, headers=None):
    connection = http.client.HTTPConnection(API)
    connection.request(method, RUNTIME + path, body, headers or {})
    answer = connection.getresponse()
    return answer, answer.read()


def told(method, path, body=None, headers=None):
    """Status and error type of a call's answer."""
    answer, text = call(method, path, body, headers)
    return [answer.status, json.loads(text).get("errorType")]


def start(how):
    if how.startswith("once:"):
        # The first process starts, every other does not.
        _, marker, how = how.split(":")
        if not os.path.exists(marker):
            open(marker, "w").close()
            return
    if how == "init-error":
        error = json.dumps({"errorMessage": "no keys", "stackTrace": []})
        kind = {"Lambda-Runtime-Function-Error-Type": "Keys.Missing"}
        print("init error was answered with", told("POST", "init/error", error, kind))
        sys.exit(1)
    elif how == "exit":
        print("going", file=sys.stderr)
        sys.exit(7)
    elif how == "hang":
        print("hanging")
        time.sleep(3600)


def work(kept):
    answer, event = call("GET", "invocation/next")
    identity = answer.headers["Lambda-Runtime-Aws-Request-Id"]
    respond = f"invocation/{identity}/response"
    what = json.loads(event)["do"]
    if what == "kept":
        call("POST", respond, json.dumps(kept))
    elif what == "headers":
        call("POST", respond, json.dumps({name.lower(): value for name, value in answer.headers.items()}))
    elif what == "pid":
        call("POST", respond, str(os.getpid()))
    elif what == "unknown":
        kept[:] = [
            told("POST", "invocation/nobody/response", "1"),
            told("POST", "invocation/nobody/error", "1"),
            told("GET", "invocation/next"),
            told("GET", "no/such/path"),
            told("POST", "init/error", "{}"),
            told("POST", respond, '"right"'),
            told("POST", respond, '"twice"'),
        ]
    elif what == "garbage":
        call("POST", respond, b"\xff no json")
    elif what == "largest":
        kept[:] = [told("POST", respond, b" " * LIMIT)]
    elif what == "too large":
        kept[:] = [told("POST", respond, b" " * (LIMIT + 1))]
    elif what == "stream":
        kept[:] = [told("POST", respond, "1", {"Lambda-Runtime-Function-Response-Mode": "streaming"})]
    elif what == "pieces":
        call("POST", respond, iter([b'{"in', b'":"pieces"}']))
    elif what == "typed":
        kind = {"Lambda-Runtime-Function-Error-Type": "Typed.Error"}
        call("POST", f"invocation/{identity}/error", json.dumps({"errorMessage": "m"}), kind)
    elif what == "late":
        call("POST", respond, str(os.getpid()))
        time.sleep(3600)
    elif what == "leave":
        call("POST", respond, str(os.getpid()))
        sys.exit(0)


def main():
    start(sys.argv[1] if len(sys.argv) > 1 else "")
    kept = []
    while True:
        work(kept)


main()
