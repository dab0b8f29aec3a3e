"""A TOKEN authorizer of a REST API on PyJWT, as a careful customer writes it: it lets a partner write the topics of its
access token. PyJWT checks signature, issuer and audience; what it passes over is checked here, and says why.

The environment tells ISSUER, AUDIENCE and JWKS_URI, and may tell LEEWAY_S, PREFIX (what stands before `/topics/...` in the
API's paths), JWKS_LIFE_S and JWKS_COOL_DOWN_S."""

import base64
import json
import os
import re
import time
import unicodedata
import urllib.request

import jwt

ISSUER = os.environ["ISSUER"]
AUDIENCE = os.environ["AUDIENCE"]
JWKS_URI = os.environ["JWKS_URI"]
LEEWAY = float(os.environ.get("LEEWAY_S", "30"))
PREFIX = os.environ.get("PREFIX", "").strip("/")
KEYS_LIFE = float(os.environ.get("JWKS_LIFE_S", "300"))
KEYS_COOL_DOWN = float(os.environ.get("JWKS_COOL_DOWN_S", "30"))

ALGORITHM = "RS256"
TYPES = ("at+jwt", "jwt")
CLIENT_CLAIMS = ("client_id", "azp", "cid")
# What only other kinds of tokens say: id tokens, security events, proofs, requests, answers to introspection.
MARKS_OF_OTHERS = (
    "nonce",
    "at_hash",
    "c_hash",
    "s_hash",
    "events",
    "htm",
    "htu",
    "response_type",
    "token_introspection",
)
KINDS = {"token_use": "access", "typ": "bearer"}
GRANTS = {"gty": "client-credentials", "idtyp": "app", "grant_type": "client_credentials"}

TOKEN_LIMIT, HEADER_LIMIT, NAME_LIMIT, DEPTH = 16 * 1024, 8 * 1024, 1024, 32
SET_LIMIT, FETCH_TIMEOUT, RESULT_LIMIT = 256 * 1024, 5, 8 * 1024
LAST_DATE = 253402300799  # the end of the year 9999

BASE64URL = re.compile(r"[A-Za-z0-9_-]*")
VISIBLE = re.compile(r"[ -~]+")
TOPIC = re.compile(r"[A-Za-z0-9._-]{1,249}")
METHOD = re.compile(r"(arn:aws[^:]*:execute-api:[^:*?$]+:[^:*?$]+:[^/*?$]+/[^/*?$]+)/[^/]+(/.*)?", re.DOTALL)


class Refused(Exception):
    """The token is not good."""


class KeysUnavailable(Exception):
    """The identity provider's keys are not to be had."""


def demand(holds):
    if not holds:
        raise Refused


# Parts of a token


class Object(dict):
    """A JSON object that knows whether a name stands in it twice; `json` alone takes the last."""

    def __init__(self, pairs):
        super().__init__(pairs)
        self.twice = len(self) != len(pairs)


def refuse_constant(_):
    raise Refused  # NaN and Infinity are no JSON


def depth(value):
    deepest, rest = 0, [(value, 1)]
    while rest:
        value, level = rest.pop()
        if isinstance(value, (dict, list)):
            deepest = max(deepest, level)
            inner = value.values() if isinstance(value, dict) else value
            rest.extend((one, level + 1) for one in inner)
    return deepest


def read_part(part):
    """The object in a part. PyJWT takes padding, foreign letters and bits left over."""
    demand(BASE64URL.fullmatch(part))
    decoded = base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
    demand(base64.urlsafe_b64encode(decoded).rstrip(b"=").decode() == part)
    return decoded


def read_object(part):
    # Given bytes, `json` would guess at UTF-16.
    text = read_part(part).decode("utf-8")
    value = json.loads(text, object_pairs_hook=Object, parse_constant=refuse_constant)
    demand(isinstance(value, Object) and not value.twice and depth(value) <= DEPTH)
    json.dumps(value, ensure_ascii=False).encode("utf-8")  # half a character is none
    return value


def check_header(header):
    demand(header.get("alg") == ALGORITHM)
    demand(not {"crit", "cty", "b64"} & header.keys())
    typ = header.get("typ")
    demand(isinstance(typ, str) and typ.lower().removeprefix("application/") in TYPES)
    demand("kid" not in header or isinstance(header["kid"], str))
    return typ.lower().removeprefix("application/")


# Keys


class Keys:
    """The issuer's keys. An instance of a function serves one call at a time, so nothing else changes them meanwhile."""

    def __init__(self):
        self.keys, self.fetched, self.refetched = None, 0.0, None

    def find(self, kid):
        now = time.monotonic()
        known = self.named(kid)
        cooled = self.refetched is None or now - self.refetched >= KEYS_COOL_DOWN
        if self.keys is None:
            self.fetch()
        elif cooled and (not known or now - self.fetched >= KEYS_LIFE):
            try:
                self.fetch()
            except KeysUnavailable:
                pass  # those that are there go on
            self.refetched = time.monotonic()
        known = self.named(kid)
        demand(kid is not None or len(known) == 1)
        fitting = [key for (_, algorithm, key) in known if algorithm in (None, ALGORITHM)]
        demand(len(fitting) == 1)
        return fitting[0]

    def named(self, kid):
        return [key for key in self.keys or [] if kid is None or key[0] == kid]

    def fetch(self):
        # No proxy of the environment's, and no redirect to anywhere.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), NoRedirect)
        try:
            with opener.open(JWKS_URI, timeout=FETCH_TIMEOUT) as answer:
                demand(answer.status == 200)
                body = read_in_time(answer)
            demand(len(body) <= SET_LIMIT)
            written = json.loads(body.decode("utf-8"))["keys"]
            demand(isinstance(written, list))
        except Exception as error:
            raise KeysUnavailable(f"cannot fetch the identity provider's keys: {type(error).__name__}") from None
        keys = []
        for jwk in written:
            key = usable(jwk)
            if key is not None and key not in keys:
                keys.append(key)
        if self.keys and not keys:
            raise KeysUnavailable("the identity provider's key set has no keys any more")
        self.keys, self.fetched = keys, time.monotonic()


def read_in_time(answer):
    """The time-out of a connection is for each of its reads: a set that drips would take for ever."""
    until, body = time.monotonic() + FETCH_TIMEOUT, b""
    while len(body) <= SET_LIMIT and (part := answer.read1(SET_LIMIT)):
        body += part
        demand(time.monotonic() < until)
    return body


class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


def usable(jwk):
    """The name, the algorithm and the key of an RSA key for signatures; `None` for others, and for weak ones."""
    try:
        demand(jwk["kty"] == "RSA" and jwk.get("use", "sig") == "sig" and "verify" in jwk.get("key_ops", ["verify"]))
        demand(all(isinstance(jwk.get(name, ""), str) for name in ("kid", "alg")))
        numbers = [int.from_bytes(read_part(jwk[name]), "big") for name in ("n", "e")]
        demand(numbers[0].bit_length() >= 2048 and numbers[1] % 2 == 1 and numbers[1] > 1)
        key = jwt.PyJWK({"kty": "RSA", "n": jwk["n"], "e": jwk["e"]}, algorithm=ALGORITHM).key
        return jwk.get("kid"), jwk.get("alg"), key
    except Exception:
        return None


KEYS = Keys()


# Claims


def is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def date(claims, name):
    if name not in claims:
        return None
    # PyJWT takes texts of digits, and cuts fractions off.
    demand(is_number(claims[name]) and 0 <= claims[name] <= LAST_DATE)
    return claims[name]


def text(claims, name):
    if name not in claims:
        return None
    demand(isinstance(claims[name], str))
    return claims[name]


def check_times(claims, now):
    expiry, issued = date(claims, "exp"), date(claims, "iat")
    demand(expiry is not None and now < expiry + LEEWAY)
    demand(issued is None or issued <= expiry)
    for start in (date(claims, "nbf"), issued):
        demand(start is None or start <= now + LEEWAY)


def check_kind(claims):
    demand(not any(mark in claims for mark in MARKS_OF_OTHERS))
    for name, kind in KINDS.items():
        demand(name not in claims or (isinstance(claims[name], str) and claims[name].lower() == kind))
    # Bound to a key, of which nobody has proven anything.
    demand("cnf" not in claims)


def client_of(claims):
    named = [text(claims, name) for name in CLIENT_CLAIMS if name in claims]
    demand(all(VISIBLE.fullmatch(name) and len(name) <= NAME_LIMIT for name in named))
    demand(len(set(named)) <= 1)
    return named[0] if named else None


def subject_of(claims):
    subject = text(claims, "sub")
    demand(subject and len(subject.encode("utf-8")) <= NAME_LIMIT)
    demand(all(unicodedata.category(letter) != "Cc" for letter in subject))
    return subject


def permissions_of(claims):
    own = [text(claims, name) in (None, grant) for name, grant in GRANTS.items()]
    scope = claims.get("scope")
    # A person's token may do nothing here.
    return scope.split(" ") if all(own) and isinstance(scope, str) else []


def verify(token):
    """Subject, client and permissions of a good token."""
    demand(len(token.encode("utf-8")) <= TOKEN_LIMIT)
    parts = token.split(".")
    demand(len(parts) == 3 and len(parts[0]) <= HEADER_LIMIT)
    header = read_object(parts[0])
    typ = check_header(header)
    read_part(parts[2])
    key = KEYS.find(header.get("kid"))
    # PyJWT's own checks of times are left out: they crash on some numbers, and take others for what they are not.
    options = {"require": ["iss", "aud", "sub", "exp"], "verify_exp": False, "verify_nbf": False, "verify_iat": False}
    jwt.decode(token, key, algorithms=[ALGORITHM], audience=AUDIENCE, issuer=ISSUER, options=options)
    # The claims are read anew, so that none stands twice.
    claims = read_object(parts[1])
    demand(claims.get("iss") == ISSUER)
    check_kind(claims)
    check_times(claims, time.time())
    text(claims, "jti")
    client = client_of(claims)
    if typ == "at+jwt":  # RFC 9068, section 2.2
        demand(client is not None and "iat" in claims and "jti" in claims)
    subject = subject_of(claims)
    demand(client is not None or VISIBLE.fullmatch(subject))  # which names the client then
    return subject, client or subject, permissions_of(claims)


# The answer


def policy(stage, subject, client, permissions):
    """The policy for all topics of the token: the gateway keeps it, and asks no more for the next one."""
    names = {one.removesuffix(":write") for one in permissions if one.endswith(":write")}
    topics = sorted(name for name in names if TOPIC.fullmatch(name) and name not in (".", ".."))
    before = f"{stage}/POST/{PREFIX}/" if PREFIX else f"{stage}/POST/"
    resources = []
    for topic in topics:
        resources.append(f"{before}topics/{topic}")
        resources.append(f"{before}topics/{topic}/partitions/*")
        resources.append(f"{before}v3/clusters/*/topics/{topic}/records")
    statement = {
        "Effect": "Allow" if topics else "Deny",
        "Action": "execute-api:Invoke",
        "Resource": resources or ["*"],
    }
    return {
        "principalId": subject,
        "policyDocument": {"Version": "2012-10-17", "Statement": [statement]},
        "context": {"client_id": client},
    }


def handler(event, context):
    method = METHOD.fullmatch(event["methodArn"])
    if method is None:
        raise Exception("the event's methodArn is no method of a REST API")
    try:
        scheme, _, token = event["authorizationToken"].partition(" ")
        demand(scheme.lower() == "bearer")
        subject, client, permissions = verify(token)
    except KeysUnavailable:
        raise
    except (Exception, RecursionError):
        # The gateway makes 401 of exactly this text, and 500 of any other.
        raise Exception("Unauthorized") from None
    result = policy(method[1], subject, client, permissions)
    if len(json.dumps(result, separators=(",", ":"), ensure_ascii=False).encode("utf-8")) > RESULT_LIMIT:
        raise Exception("the result is longer than the gateway takes")
    return result
