"""The closed list of log events; each has one fixed phrase, and its facts go beside it."""

from __future__ import annotations

from enum import StrEnum
from typing import Self


class Event(StrEnum):
    """Names of log events; ``phrase`` is the message for people."""

    phrase: str

    def __new__(cls, name: str, phrase: str) -> Self:
        """Make a member: its value is the name in the log."""
        member = str.__new__(cls, name)
        member._value_ = name
        member.phrase = phrase
        return member

    # -- the process
    STARTED = "started", "The service is ready."
    STOPPING = "stopping", "The service is stopping."
    TASKS_ABANDONED = "tasks_abandoned", "Work that does not end was left behind at the stop."
    STOPPED = "stopped", "The service has stopped."
    CLOCK_JUMPED = "clock_jumped", "The time of day jumped; due times were brought back."
    LOOP_BLOCKED = "loop_blocked", "Something blocked the event loop."
    UNEXPECTED = "unexpected", "Something failed that should not be able to; this is a bug."
    UPKEEP_DELAYED = "upkeep_delayed", "A background task failed for now and is begun again."
    LIBRARY = "library", "A library says something."

    # -- the store
    PRUNED = "pruned", "Data past its retention was removed."

    # -- the vault
    VAULT_SEALED = "vault_sealed", "The vault is sealed; stored data can be read, secrets cannot."
    VAULT_UNSEALED = "vault_unsealed", "The vault is unsealed."
    KEY_LOADED = "key_loaded", "A root key was loaded for the first time."
    KEYS_REWRAPPED = "keys_rewrapped", "Stored keys were wrapped anew under the active root key."
    KEY_RETIRED = "key_retired", "A root key is no longer in use."
    AUDIT_HEAD = "audit_head", "The head of the audit chain, to be kept outside of the database."
    AUDIT_CHAIN_OPENED = "audit_chain_opened", "A new audit chain was opened."
    AUDIT_BROKEN = "audit_broken", "The audit chain was changed by someone else."
    CREDENTIALS_SET = "credentials_set", "Credentials were registered."
    CREDENTIALS_REFUSED = "credentials_refused", "A registration of credentials was refused."
    CREDENTIALS_RESET = "credentials_reset", "Credentials were destroyed by the operator."
    CREDENTIALS_UNREADABLE = "credentials_unreadable", "Stored credentials cannot be opened."

    # -- connectors and partners
    CONNECTOR_QUARANTINED = "connector_quarantined", "A connector was set aside."
    BREAKER_OPENED = "breaker_opened", "A partner does not answer; it is left alone for a while."
    BREAKER_CLOSED = "breaker_closed", "A partner answers again."

    # -- mail
    MAIL_FAILS = "mail_fails", "The mail server cannot be used; mails wait."
    MAIL_ENDED = "mail_ended", "An attempt at a mail ended."
    STATUS_MAIL_SKIPPED = "status_mail_skipped", "Nobody could be told of a state by mail."
    DWELL_EXCEEDED = "dwell_exceeded", "A claim file stayed in its state for longer than it may."
    MAIL_WORKS = "mail_works", "The mail server can be used again."

    # -- passes
    PASS_ENDED = "pass_ended", "A pass ended."
    PASS_FAILED = "pass_failed", "A pass failed."
    LINK_STATE_CHANGED = "link_state_changed", "A link changed its state."
    PASSES_ABANDONED = "passes_abandoned", "Passes that an earlier process left open were ended."

    # -- deliveries
    DELIVERY_ATTEMPTED = "delivery_attempted", "An attempt at a delivery ended."
    DELIVERY_PARKED = "delivery_parked", "A delivery waits for a person."
    DELIVERIES_RECOVERED = (
        "deliveries_recovered",
        "Attempts that an earlier process left open were judged.",
    )
    LEASE_LOST = "lease_lost", "Another process took over a delivery that was being sent here."

    # -- the API
    REQUEST_FAILED = "request_failed", "A request failed because of a bug."
    OPERATOR_ACTION = "operator_action", "An operator's command was carried out."
