"""The ministry's own sign-in: the code flow with PKCE, state and nonce (OpenID Connect Core 1.0, 3.1).

Where its endpoints are and which keys sign is read from the issuer (OpenID Connect Discovery 1.0) and kept for an hour.
An ID token is believed if one of those keys signed it, for us (aud, azp), by this issuer, for this sign-in (nonce), and
it has not expired.
"""

import hmac
import secrets
import threading
import time
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any
from urllib.parse import urlencode

import httpx
import structlog
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from gateway.domain.errors import Forbidden, Unavailable

log = structlog.get_logger()

ALGORITHMS = ("RS256", "PS256", "ES256", "ES384", "Ed25519", "EdDSA")
SCOPE = "openid email profile"
KEPT = timedelta(hours=1)
LEEWAY = timedelta(minutes=1)
TIMEOUT = httpx.Timeout(10, connect=5)
_LOOPBACK = ("all://127.0.0.1", "all://localhost")  # never by way of a proxy
NANOSECONDS = 10**9


class OpenIdRefused(Forbidden):
    """What came back from the ministry's sign-in proves nothing, or nobody we know."""

    code = "openid_refused"


class OpenIdUnavailable(Unavailable):
    """The ministry's sign-in does not answer as it should."""

    code = "openid_unavailable"


@dataclass(frozen=True, slots=True)
class Ceremony:
    """What must come back as it was sent: kept on our side, for one sign-in."""

    state: str
    nonce: str
    verifier: str

    @classmethod
    def fresh(cls) -> "Ceremony":
        return cls(secrets.token_urlsafe(24), secrets.token_urlsafe(24), secrets.token_urlsafe(48))


@dataclass(frozen=True, slots=True)
class Identity:
    """Whom the issuer names. `email` only if the issuer verified it. `roles` None: they are not the issuer's to say."""

    issuer: str
    subject: str
    email: str | None
    roles: tuple[str, ...] | None


@dataclass(slots=True)
class OpenId:
    """Our client at one issuer. `role_claim`: the claim that lists an officer's roles; "" leaves roles to us."""

    issuer: str
    client_id: str
    client_secret: str = field(repr=False)
    role_claim: str = ""
    _kept: dict[str, tuple[int, Any]] = field(default_factory=dict, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def address(self, ceremony: Ceremony, redirect_uri: str) -> str:
        """Where the officer's browser goes to sign in. Raises OpenIdUnavailable."""
        challenge = urlsafe_b64encode(sha256(ceremony.verifier.encode()).digest()).rstrip(b"=").decode()
        asked = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": redirect_uri,
            "scope": SCOPE,
            "state": ceremony.state,
            "nonce": ceremony.nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        endpoint = self._endpoint("authorization_endpoint")
        return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(asked)}"

    def identify(self, ceremony: Ceremony, state: str, code: str, redirect_uri: str, now: datetime) -> Identity:
        """Who signed in there. Raises OpenIdRefused, OpenIdUnavailable."""
        if not code or not hmac.compare_digest(state.encode(), ceremony.state.encode()):
            raise _refused("state")
        tokens = self._tokens(ceremony, code, redirect_uri)
        claims = self._claims(str(tokens.get("id_token", "")), ceremony.nonce, now)
        if "email" not in claims and "access_token" in tokens:
            claims |= self._userinfo(str(tokens["access_token"]), claims["sub"])
        verified = claims.get("email_verified") is True
        email = claims.get("email")
        return Identity(
            self.issuer,
            claims["sub"],
            email.strip().casefold() if verified and isinstance(email, str) else None,
            self._roles(claims),
        )

    def _tokens(self, ceremony: Ceremony, code: str, redirect_uri: str) -> Mapping[str, Any]:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "code_verifier": ceremony.verifier,
        }
        basic = httpx.BasicAuth(self.client_id, self.client_secret)
        answer = _called("POST", self._endpoint("token_endpoint"), data=form, auth=basic)
        if answer.status_code == httpx.codes.BAD_REQUEST:
            raise _refused("code")
        return _json(answer)

    def _claims(self, token: str, nonce: str, now: datetime) -> dict[str, Any]:
        """The claims of an ID token that is for us and for this sign-in. Raises OpenIdRefused."""
        registry = jwt.JWTClaimsRegistry(
            now=int(now.timestamp()),
            leeway=LEEWAY.seconds,
            iss={"essential": True, "value": self.issuer},
            aud={"essential": True, "value": self.client_id},
            exp={"essential": True},
            iat={"essential": True},
            sub={"essential": True},
        )
        try:
            claims = self._verified(token).claims
            registry.validate(claims)
        except (JoseError, ValueError) as error:
            raise _refused(type(error).__name__) from error
        if claims.get("nonce") != nonce:
            raise _refused("nonce")
        others = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
        if claims.get("azp", None if others else self.client_id) != self.client_id:
            raise _refused("azp")
        if not isinstance(claims["sub"], str):
            raise _refused("sub")
        return claims

    def _verified(self, token: str) -> jwt.Token:
        """The token, by the keys that we know or, since issuers change theirs, by those of now."""
        keys = KeySet.import_key_set(self._fetched(self._endpoint("jwks_uri")))
        try:
            return jwt.decode(token, keys, algorithms=list(ALGORITHMS))
        except (JoseError, ValueError):
            keys = KeySet.import_key_set(self._fetched(self._endpoint("jwks_uri"), anew=True))
            return jwt.decode(token, keys, algorithms=list(ALGORITHMS))

    def _userinfo(self, access_token: str, subject: str) -> Mapping[str, Any]:
        """What the token leaves out (Core, 5.3.2: of the same subject, or not to be used)."""
        endpoint = self._configuration().get("userinfo_endpoint")
        if not isinstance(endpoint, str):
            return {}
        found = _json(_called("GET", endpoint, headers={"Authorization": f"Bearer {access_token}"}))
        if found.get("sub") != subject:
            raise _refused("userinfo")
        return {name: found[name] for name in ("email", "email_verified", self.role_claim) if name and name in found}

    def _roles(self, claims: Mapping[str, Any]) -> tuple[str, ...] | None:
        if not self.role_claim:
            return None
        told = claims.get(self.role_claim, [])
        names = told.split() if isinstance(told, str) else told
        return tuple(name for name in names if isinstance(name, str)) if isinstance(names, list) else ()

    def _endpoint(self, name: str) -> str:
        found = self._configuration().get(name)
        if not isinstance(found, str) or not found.startswith(("https://", self.issuer.rstrip("/") + "/")):
            raise OpenIdUnavailable(f"The ministry's sign-in does not say where its {name} is.")
        return found

    def _configuration(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self._fetched(f"{self.issuer.rstrip('/')}/.well-known/openid-configuration")
        if found.get("issuer") != self.issuer:
            raise OpenIdUnavailable("The ministry's sign-in calls itself by another name than GATEWAY_OIDC_ISSUER.")
        return found

    def _fetched(self, url: str, *, anew: bool = False) -> Any:
        """What stands there, asked once an hour. `anew` asks now, but not more than once a minute."""
        with self._lock:
            until, content = self._kept.get(url, (0, None))
        left_s = until - time.monotonic_ns() // NANOSECONDS
        if content is not None and left_s > 0 and not (anew and KEPT.seconds - left_s >= 60):
            return content
        content = _json(_called("GET", url))
        with self._lock:
            self._kept[url] = (time.monotonic_ns() // NANOSECONDS + KEPT.seconds, content)
        return content


def _called(method: str, url: str, **options: Any) -> httpx.Response:
    """Raises OpenIdUnavailable, without a word of what was sent."""
    try:
        with httpx.Client(timeout=TIMEOUT, follow_redirects=False, mounts=dict.fromkeys(_LOOPBACK)) as client:
            return client.request(method, url, **options)
    except httpx.HTTPError as error:
        log.warning("openid call failed", error=type(error).__name__)
        raise OpenIdUnavailable("The ministry's sign-in does not answer. Try again in a moment.") from None


def _json(answer: httpx.Response) -> dict[str, Any]:
    try:
        content = answer.json() if answer.status_code == httpx.codes.OK else None
    except ValueError:
        content = None
    if not isinstance(content, dict):
        log.warning("openid call failed", http_status=answer.status_code)
        raise OpenIdUnavailable("The ministry's sign-in does not answer as it should. Try again in a moment.")
    return content


def _refused(reason: str) -> OpenIdRefused:
    log.warning("openid refused", reason=reason)
    return OpenIdRefused("The sign-in cannot be believed. Begin it once more.")
