"""A TOKEN authorizer for tests/lambda, run by AWS's own runtime client: what it does is what the token says."""

import os
import signal
import socket
import subprocess
import sys
import time


def policy(event, context):
    return {
        "principalId": "partner",
        "policyDocument": {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": event["methodArn"]}],
        },
        "context": {
            "request": context.aws_request_id,
            "arn": context.invoked_function_arn,
            "memory": context.memory_limit_in_mb,
            "in_time": 0 < context.get_remaining_time_in_millis() <= 900_000,
            "process": os.getpid(),
        },
    }


def meet(port):
    """Says which process is there, waits until it may go on, and says that it did."""
    with socket.create_connection(("127.0.0.1", int(port))) as place:
        place.sendall(b"%10d" % os.getpid())
        place.recv(2)
        place.sendall(b"done")


def handler(event, context):
    print("token:", event["authorizationToken"], file=sys.stderr)
    what, _, argument = event["authorizationToken"].removeprefix("Bearer ").partition(".")
    print("bare token:", what, argument)
    if what == "unauthorized":
        raise Exception("Unauthorized")
    elif what == "error":
        raise ValueError("it broke")
    elif what == "exit":
        sys.exit(int(argument))
    elif what == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    elif what == "sleep":
        time.sleep(3600)
    elif what == "meet":
        meet(argument)
    elif what == "fork":
        child = subprocess.Popen(["sleep", "3600"])
        return {"process": os.getpid(), "child": child.pid}
    elif what == "environment":
        return dict(os.environ)
    elif what == "garbage":
        return "no policy at all"
    return policy(event, context)
