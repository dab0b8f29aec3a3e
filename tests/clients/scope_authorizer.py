"""A TOKEN authorizer for tests/run/gateway.rs, run by AWS's own runtime client: it allows the topics of the token's scope.

It does not check the token's signature: what is tested is the way of its answers."""

import base64
import json


def handler(event, context):
    try:
        payload = event["authorizationToken"].removeprefix("Bearer ").split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except Exception:
        raise Exception("Unauthorized")
    stage = event["methodArn"].rsplit("/POST/", 1)[0]
    topics = [scope.removesuffix(":write") for scope in claims.get("scope", "").split()]
    statement = {"Effect": "Allow", "Resource": [f"{stage}/POST/kafka/topics/{topic}" for topic in topics]}
    if not topics:
        statement = {"Effect": "Deny", "Resource": "*"}
    return {
        "principalId": claims["sub"],
        "policyDocument": {
            "Version": "2012-10-17",
            "Statement": [{"Action": "execute-api:Invoke", **statement}],
        },
        "context": {"tenant": claims["sub"]},
    }
