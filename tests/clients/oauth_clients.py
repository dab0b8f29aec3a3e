"""Stock clients at landfall's identity provider: Authlib, requests-oauthlib and PyJWT, unmodified. For tests/idp.

ISSUER is the provider, CLIENT and SECRET are a client with a secret, SIGNER and KEY one that signs (PEM), AUDIENCE is the API.
Prints what each token says, as JSON.
"""

import json
import os

import jwt
import requests
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from oauthlib.oauth2 import BackendApplicationClient
from requests_oauthlib import OAuth2Session as RequestsOauthlib

issuer, audience = os.environ["ISSUER"], os.environ["AUDIENCE"]
client, secret = os.environ["CLIENT"], os.environ["SECRET"]
metadata = requests.get(issuer.rstrip("/") + "/.well-known/openid-configuration", timeout=30).json()
assert metadata["issuer"] == issuer, metadata
endpoint = metadata["token_endpoint"]
keys = jwt.PyJWKClient(metadata["jwks_uri"])


def read(token):
    """What PyJWT makes of a token, its signature, issuer, audience and times checked."""
    assert token["token_type"] == "Bearer" and token["expires_in"] > 0, token
    text = token["access_token"]
    algorithm = jwt.get_unverified_header(text)["alg"]
    assert algorithm in metadata["id_token_signing_alg_values_supported"]
    claimed = jwt.decode(text, options={"verify_signature": False})
    named = {"audience": audience} if "aud" in claimed else {"options": {"verify_aud": False}}
    key = keys.get_signing_key_from_jwt(text)
    return jwt.decode(text, key.key, algorithms=[algorithm], issuer=issuer, **named)


def authlib(method, **more):
    session = OAuth2Session(client, secret, token_endpoint_auth_method=method, scope="quakes:write")
    return read(session.fetch_token(endpoint, grant_type="client_credentials", **more))


def signed():
    session = OAuth2Session(
        os.environ["SIGNER"],
        os.environ["KEY"],
        token_endpoint_auth_method=PrivateKeyJWT(endpoint),
        scope="quakes:write",
    )
    return read(session.fetch_token(endpoint, grant_type="client_credentials"))


def requests_oauthlib(**more):
    session = RequestsOauthlib(client=BackendApplicationClient(client_id=client, scope=["quakes:write"]))
    return read(session.fetch_token(token_url=endpoint, client_id=client, client_secret=secret, **more))


def refused():
    """How a wrong secret is told."""
    try:
        OAuth2Session(client, "wrong").fetch_token(endpoint, grant_type="client_credentials")
    except Exception as error:  # noqa: BLE001
        return f"{type(error).__name__}: {getattr(error, 'error', '')}"
    return "not at all"


print(
    json.dumps(
        {
            "basic": authlib("client_secret_basic"),
            "post": authlib("client_secret_post"),
            "audience": authlib("client_secret_basic", audience=audience),
            "signed": signed(),
            "requests-oauthlib": requests_oauthlib(),
            "requests-oauthlib in the body": requests_oauthlib(include_client_id=True),
            "refused": refused(),
        }
    )
)
