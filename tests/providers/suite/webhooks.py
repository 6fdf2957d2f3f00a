"""Notifications: whom to believe, and that they say the same however often and in whatever order they come."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.domain.payment import PaymentStatus
from gateway.ports.provider import (
    AckResult,
    PaymentHint,
    PaymentObservation,
    RawRequest,
    RejectionReason,
    Reply,
    WebhookReceiver,
    WebhookRejected,
)
from tests.providers.rig import Rig
from tests.providers.suite.facts import Facts

MALFORMED = RejectionReason.MALFORMED
COMMON_NONSENSE = (b"", b"null", b"[]", b"{}", b'"text"', b"{", b"\xff\xfe", b"[" * 100_000, b'{"id": NaN}')


class Webhooks(Facts):
    def success(self, rig: Rig) -> RawRequest:
        """A true notification of a success, as it came."""
        self.needs(WebhookReceiver)
        _, url = rig.started()
        rig.play(url, "succeed")
        rig.heard(self.news)
        rig.quiet()
        return next(
            request
            for request in rig.inbox.requests
            if any(
                isinstance(seen, PaymentHint) or getattr(seen, "status", "") is PaymentStatus.SUCCEEDED
                for seen in rig.read(request)
            )
        )

    def test_a_true_notification_says_what_a_query_says(self, rig: Rig) -> None:
        self.needs(WebhookReceiver)
        begun, url = rig.started()
        rig.play(url, "succeed")
        asked = rig.adapter.query_payment(begun)
        for heard in rig.heard(self.news):
            assert heard.payment_id == begun.payment_id
            if self.hints:
                assert heard.provider_payment_id == begun.provider_payment_id
            else:
                assert (heard.status, heard.amount) == (PaymentStatus.SUCCEEDED, begun.amount)
                assert heard.provider_transaction_id == asked.provider_transaction_id

    def test_it_hints_or_tells_just_as_it_states(self, rig: Rig) -> None:
        said = {type(seen) for seen in rig.read(self.success(rig))}
        assert said & {PaymentHint, PaymentObservation} == {self.news}

    def test_every_outcome_is_notified_as_what_it_is(self, rig: Rig) -> None:
        self.needs(WebhookReceiver)
        for outcome, status in self.outcomes.items():
            if outcome in self.not_notified:
                continue
            rig.reset()
            begun, url = rig.started()
            rig.play(url, outcome)
            rig.heard(self.news, count=self.notifications_of(outcome))
            rig.quiet()
            heard = [seen for seen in rig.heard(self.news) if seen.payment_id == begun.payment_id]
            if self.hints:
                heard = [rig.adapter.query_payment(begun) for _ in heard]
            assert self.notified_as.get(outcome, status) in {seen.status for seen in heard}, outcome

    def test_what_is_not_notified_is_found_by_a_query(self, rig: Rig) -> None:
        for outcome in self.not_notified:
            rig.reset()
            begun, url = rig.started()
            rig.play(url, outcome)
            assert rig.inbox.requests == []
            assert rig.adapter.query_payment(begun).status is self.outcomes[outcome]

    def test_every_valid_secret_is_accepted(self, rig: Rig) -> None:
        request = self.success(rig)
        now = datetime.now(UTC)
        for secret in self.secrets[:2]:
            verified = rig.adapter.verify(self.signed(self.content_of(request), secret, now), now)
            assert rig.adapter.parse(verified) == rig.read(request)

    def test_another_secret_is_refused(self, rig: Rig) -> None:
        request, now = self.success(rig), datetime.now(UTC)
        forged = self.signed(self.content_of(request), self.secrets[0] + "x", now)
        assert reason(rig, forged, now) is RejectionReason.BAD_SIGNATURE

    def test_without_a_signature_it_is_refused(self, rig: Rig) -> None:
        request, now = self.success(rig), datetime.now(UTC)
        assert reason(rig, self.without_signature(request), now) is RejectionReason.BAD_SIGNATURE

    def test_a_mangled_signature_is_refused(self, rig: Rig) -> None:
        request, now = self.success(rig), datetime.now(UTC)
        mangled = list(self.mangled_signatures(self.signed(self.content_of(request), self.secrets[0], now)))
        assert mangled
        for spoilt in mangled:
            assert reason(rig, spoilt, now) is RejectionReason.BAD_SIGNATURE, spoilt

    def test_one_changed_byte_is_refused(self, rig: Rig) -> None:
        sent, now = self.success(rig), datetime.now(UTC)
        true = self.signed(self.content_of(sent), self.secrets[0], now)
        content = self.content_of(true)
        hinted = named(rig, true)

        @settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
        @given(st.integers(0, len(content) - 1), st.integers(1, 255))
        def changed(at: int, by: int) -> None:
            spoilt = bytearray(content)
            spoilt[at] ^= by
            request = self.with_content(true, bytes(spoilt))
            refused = verdict(rig, request)
            if self.hints and refused is None:  # what is not signed says nothing that could be believed
                assert named(rig, request) == hinted
            else:
                assert refused in (RejectionReason.BAD_SIGNATURE, RejectionReason.MALFORMED)

        changed()

    def test_old_and_future_notifications_are_refused(self, rig: Rig) -> None:
        request, now = self.success(rig), datetime.now(UTC)
        content = self.content_of(request)
        if not self.dated_notifications:
            rig.adapter.verify(request, now + timedelta(days=3650))  # nothing in it could tell its age
            return
        for age in (timedelta(seconds=-301), timedelta(seconds=301), timedelta(days=-3), timedelta(days=3650)):
            signed = self.signed(content, self.secrets[0], now + age)
            assert reason(rig, signed, now) is RejectionReason.STALE, age
        for age in (timedelta(seconds=-299), timedelta(seconds=299)):
            rig.adapter.verify(self.signed(content, self.secrets[0], now + age), now)

    def test_signed_nonsense_is_malformed(self, rig: Rig) -> None:
        self.needs(WebhookReceiver)
        now = datetime.now(UTC)
        for body in (*COMMON_NONSENSE, *self.malformed):
            assert reason(rig, self.signed(body, self.secrets[0], now), now) is RejectionReason.MALFORMED, body[:80]

    def test_any_field_of_another_type_is_refused_or_read_but_never_breaks(self, rig: Rig) -> None:
        event, now = self.fields_of(self.content_of(self.success(rig))), datetime.now(UTC)
        for path in paths(event):
            for value in (None, True, -1, 1.5, 10**400, "", "x", [], {}, [1], {"id": 1}):
                content = self.content_from(changed(event, path, value))
                assert verdict(rig, self.signed(content, self.secrets[0], now)) in (None, MALFORMED), (path, value)

    def test_without_any_secret_nothing_is_believed(self, rig: Rig) -> None:
        request, now = self.success(rig), datetime.now(UTC)
        secretless = self.without_secrets(rig)
        for blank in ("", " "):
            with pytest.raises(WebhookRejected) as rejected:
                secretless.verify(self.signed(self.content_of(request), blank, now), now)
            assert rejected.value.reason is RejectionReason.NO_SECRET
        secretless.close()

    def test_what_does_not_concern_us_says_nothing(self, rig: Rig) -> None:
        self.needs(WebhookReceiver)
        now = datetime.now(UTC)
        if self.of_no_concern is None:
            pytest.skip(f"{self.provider} notifies of payments only")
        assert rig.read(self.signed(self.of_no_concern, self.secrets[0], now)) == []

    def test_a_repeated_notification_has_the_same_id_and_says_the_same(self, rig: Rig) -> None:
        self.needs(WebhookReceiver)
        rig.fault("webhook", "duplicate", times=10)
        _, url = rig.started()
        rig.play(url, "succeed")
        rig.inbox.wait_for(2)
        rig.quiet()
        by_id: dict[str, list[object]] = {}
        for request in rig.inbox.requests:
            verified = rig.adapter.verify(request, datetime.now(UTC))
            by_id.setdefault(verified.event_id, []).append(rig.adapter.parse(verified))
        assert all(len(said) == 2 and said[0] == said[1] for said in by_id.values())

    def test_notifications_that_overtake_each_other_say_each_its_own(self, rig: Rig) -> None:
        self.needs_notice(PaymentObservation)
        if PaymentStatus.PENDING in self.notified_statuses:
            pytest.skip(f"{self.provider} tells of one payment more than once: see the next test")
        rig.fault("webhook", "reorder")
        (first, url), (second, other_url) = rig.started(), rig.started()
        rig.play(url, "succeed")
        rig.play(other_url, "succeed")
        heard = rig.heard(PaymentObservation, count=2)
        assert [seen.payment_id for seen in heard] == [second.payment_id, first.payment_id]
        assert {seen.status for seen in heard} == {PaymentStatus.SUCCEEDED}

    def test_order_does_not_change_what_notifications_say(self, rig: Rig) -> None:
        self.needs_notice(PaymentObservation, PaymentStatus.PENDING)
        rig.fault("webhook", "reorder")
        begun, url = rig.started()
        rig.play(url, "pending")
        rig.play(url, "succeed")
        rig.heard(self.news, count=2)
        rig.quiet()
        if self.hints:  # in whatever order: the answer is the truth of now
            assert rig.adapter.query_payment(begun).status is PaymentStatus.SUCCEEDED
            return
        statuses = [seen.status for seen in rig.heard(self.news)]
        assert statuses[-1] is PaymentStatus.PENDING
        assert statuses[0] is PaymentStatus.SUCCEEDED

    def test_a_forgery_among_true_notifications_is_told_apart(self, rig: Rig) -> None:
        self.needs(WebhookReceiver)
        rig.fault("webhook", "forge")
        _, url = rig.started()
        rig.play(url, "succeed")
        rig.inbox.wait_for(2)
        rig.quiet()
        verdicts = [verdict(rig, request) for request in rig.inbox.requests]
        assert verdicts.count(RejectionReason.BAD_SIGNATURE) == 1
        assert verdicts.count(None) == len(verdicts) - 1

    def test_a_dropped_notification_leaves_the_truth_to_a_query(self, rig: Rig) -> None:
        rig.fault("webhook", "drop", times=10)
        begun, url = rig.started()
        rig.play(url, "succeed")
        assert rig.inbox.stays_empty()
        assert rig.adapter.query_payment(begun).status is PaymentStatus.SUCCEEDED

    def test_a_delayed_notification_comes_late(self, rig: Rig) -> None:
        self.needs(WebhookReceiver)
        rig.fault("webhook", "delay", times=10, seconds=1)
        _, url = rig.started()
        rig.play(url, "succeed")
        assert rig.inbox.stays_empty(300)
        assert rig.heard(self.news)

    def test_a_notification_is_sent_until_it_is_acknowledged(self, rig: Rig) -> None:
        self.needs(WebhookReceiver)
        rig.inbox.answers.extend([rig.adapter.ack(AckResult.RETRY)] * 3)
        _, url = rig.started()
        rig.play(url, "succeed")
        rig.inbox.wait_for(4)
        rig.quiet()
        assert rig.control("GET", "webhooks")["waiting"] == 0

    def test_the_acknowledgement_is_a_success_only_for_what_is_durable(self, rig: Rig) -> None:
        self.needs(WebhookReceiver)
        for result in (AckResult.APPLIED, AckResult.DUPLICATE):
            assert ends_the_tries(rig, rig.adapter.ack(result)), result
        for result in (AckResult.RETRY, AckResult.REJECTED):
            assert not ends_the_tries(rig, rig.adapter.ack(result)), result


def ends_the_tries(rig: Rig, reply: Reply) -> bool:
    """Whether the provider takes the reply for an acknowledgement."""
    return rig.simulator.bank.acknowledged(reply.status, reply.body)


def named(rig: Rig, request: RawRequest) -> list[tuple[str, object]]:
    """What kinds of things a notification says, and of which payments."""
    return [(type(seen).__name__, getattr(seen, "payment_id", None)) for seen in rig.read(request)]


def verdict(rig: Rig, request: RawRequest) -> RejectionReason | None:
    """Why it is not believed; None if it is, and could be read."""
    try:
        rig.read(request)
    except WebhookRejected as rejected:
        return rejected.reason
    return None


def reason(rig: Rig, request: RawRequest, now: datetime) -> RejectionReason:
    with pytest.raises(WebhookRejected) as rejected:
        rig.adapter.verify(request, now)
    return rejected.value.reason


def paths(value: object, so_far: tuple[object, ...] = ()) -> list[tuple[object, ...]]:
    """Where a decoded message has values, at every depth."""
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    below = [path for name, member in members for path in paths(member, (*so_far, name))]
    return ([so_far] if so_far else []) + below


def changed(value: object, path: tuple[object, ...], to: object) -> object:
    """`value` with what is at `path` replaced."""
    if not path:
        return to
    if isinstance(value, dict):
        return {name: changed(member, path[1:], to) if name == path[0] else member for name, member in value.items()}
    assert isinstance(value, list)
    return [changed(member, path[1:], to) if at == path[0] else member for at, member in enumerate(value)]
