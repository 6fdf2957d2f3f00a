"""What the services work with, put together once by the composer."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import UUID

from gateway.domain.errors import NotFound
from gateway.domain.payout import PayoutTerms
from gateway.ports.delimited import StatementMap
from gateway.ports.provider import PaymentProvider
from gateway.services.mailer import Mailer
from gateway.services.openid import OpenId
from gateway.services.sign_document import DocumentSigner
from gateway.services.tokens import Tokens
from gateway.services.vault import Vault
from gateway.store.database import Database


@dataclass(frozen=True, slots=True)
class Runtime:
    """`providers` by name, in the order of the configuration. `public_url` is where payers and providers reach us.
    Without `signer` documents are not signed, and say so; without `mailer` nothing is sent by e-mail.
    `write_off_limits`: how much of a currency two officers may write off at once, in minor units.
    `payouts`: where providers pay out what they collected. `openid` is the ministry's own sign-in, if there is one.
    `statement_layouts`: column maps of banks' delimited statements by name and version, as "bank/1"; a file of one has
    `statement_bytes_max` at most."""

    db: Database
    providers: Mapping[str, PaymentProvider]
    vault: Vault
    tokens: Tokens
    public_url: str
    allow_private_webhooks: bool = False
    signer: DocumentSigner | None = None
    mailer: Mailer | None = None
    write_off_limits: Mapping[str, int] = field(default_factory=dict)
    payouts: PayoutTerms = field(default_factory=PayoutTerms)
    openid: OpenId | None = None
    statement_layouts: Mapping[str, StatementMap] = field(default_factory=dict)
    statement_bytes_max: int = 256 * 1024 * 1024

    def provider(self, name: str) -> PaymentProvider:
        """Raises NotFound if no such provider is configured."""
        try:
            return self.providers[name]
        except KeyError:
            raise NotFound(f"There is no provider {name!r} here. Configured: {', '.join(self.providers)}.") from None

    def page_url(self, session_id: UUID) -> str:
        """Where the payer of a checkout session goes: unguessable, and the same whenever it is asked for."""
        return f"{self.public_url}/pay/{session_id}.{self.tokens.sign('checkout', str(session_id))}"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls: an API key, an officer, or the payer on the page of a checkout session.

    `id` is that of the key, the officer or the session, as `kind` says. `agency_id` None acts for every agency.
    `principal` is whose key it is, which does not change when a key is rotated; None: there is only the id.
    """

    id: UUID
    label: str
    scopes: frozenset[str]
    agency_id: UUID | None
    kind: str = "key"
    principal: UUID | None = None

    @property
    def actor(self) -> str:
        """How the audit trail names the caller, and by which two are one person or two: a key and its successors are
        one."""
        return f"{self.kind}:{self.principal or self.id}"
