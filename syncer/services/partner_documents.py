"""What a partner says of expected documents: which ones, how they stand, how far a file is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from syncer.domain.completeness import (
    By,
    ExpectedDocument,
    Mark,
    MarkState,
    RulesOrigin,
    faults_of_expected,
)
from syncer.domain.errors import ConnectorFailedError
from syncer.domain.feed import Change, ChangeType
from syncer.domain.lifecycles import Stage
from syncer.ports.store import UnitOfWork
from syncer.sdk import ClaimUpdate, Piece
from syncer.services.document_rules import apply_rules, bring_rules
from syncer.services.opening import AnyConnector
from syncer.services.record_json import claim_file_change

RuleSets = Mapping[str, Sequence[ExpectedDocument]]
LONGEST_NAME = 100
_STAGES = list(Stage)


@dataclass(slots=True, kw_only=True)
class Told:
    """Claim files in which something changed, and what the feed is to tell besides counts."""

    touched: set[str] = field(default_factory=set)
    changes: list[Change] = field(default_factory=list)


async def take_documents(
    uow: UnitOfWork,
    connector: AnyConnector,
    rule_sets: RuleSets,
    updates: Sequence[tuple[str, ClaimUpdate]],
    *,
    at: datetime,
) -> Told:
    """Take in what a page says, within its write; the caller counts the touched files again.

    New rule sets are applied to all open claim files of the connector.
    """
    told = Told()
    for id_, update in updates:
        if update.pieces is not None:
            await _mark_all(uow, id_, update.pieces, update.at, told)
        if update.stage is not None:
            await _move_on(uow, id_, update.stage, told, at=at)
    if rule_sets and await bring_rules(
        uow, connector.name, rule_sets, RulesOrigin.PARTNER, all_of_them=False
    ):
        await apply_rules(uow, connector.name, at=at)
    return told


async def mark_pieces(uow: UnitOfWork, id_: str, pieces: Sequence[Piece], *, at: datetime) -> bool:
    """Write what is new of some pieces of a claim file; True if anything is."""
    return await _mark(uow, id_, pieces, await _known(uow, id_), at=at)


async def _mark_all(
    uow: UnitOfWork, id_: str, pieces: Sequence[Piece], at: datetime, told: Told
) -> None:
    """Write what is new of the pieces, which are all that there are."""
    known = await _known(uow, id_)
    gone = known.keys() - {piece.type for piece in pieces}
    every = [*pieces, *(Piece(type=type_, state=None) for type_ in gone)]
    if await _mark(uow, id_, every, known, at=at):
        told.touched.add(id_)


async def _known(uow: UnitOfWork, id_: str) -> dict[str, Mark]:
    marks = (await uow.completeness.marks([id_]))[id_]
    return {mark.type: mark for mark in marks if mark.by is By.PARTNER}


async def _mark(
    uow: UnitOfWork, id_: str, pieces: Sequence[Piece], known: Mapping[str, Mark], *, at: datetime
) -> bool:
    """Write pieces; one that says what it said keeps its instant, and the reason it gave once."""
    is_new = False
    for piece in pieces:
        before = known.get(piece.type)
        if piece.state is None and before is not None:
            await uow.completeness.unmark(id_, piece.type, By.PARTNER)
            is_new = True
        elif piece.state is not None and (before is None or _differs(piece, before)):
            mark = Mark(
                type=piece.type, by=By.PARTNER, state=piece.state, reason=piece.reason, at=at
            )
            await uow.completeness.mark(id_, mark)
            is_new = True
    return is_new


def _differs(piece: Piece, before: Mark) -> bool:
    return before.state is not piece.state or piece.reason not in {None, before.reason}


async def _move_on(uow: UnitOfWork, id_: str, stage: Stage, told: Told, *, at: datetime) -> None:
    claim_file = await uow.claim_files.get(id_)
    if claim_file is None or _STAGES.index(stage) <= _STAGES.index(claim_file.stage):
        return
    await uow.lives.reach(id_, stage, at=at)
    told.touched.add(id_)
    facts = {"stage": stage.value, "partner_ref": claim_file.partner_ref}
    change = claim_file_change(ChangeType.CLAIM_FILE_UPDATED, claim_file.link, id_, facts)
    told.changes.append(change)


def check_pieces(pieces: Sequence[object]) -> None:
    """Refuse pieces that cannot be kept.

    Raises:
        ConnectorFailedError: naming what is wrong with one.
    """
    for piece in pieces:
        if not isinstance(piece, Piece):
            raise ConnectorFailedError(f"a claim update held {type(piece).__name__}, no Piece")
        if not _is_name(piece.type):
            raise ConnectorFailedError("a piece's type must be text of up to 100 characters")
        if not isinstance(piece.state, MarkState | None):
            raise ConnectorFailedError("a piece's state must be a MarkState or None")


def check_rule_sets(rule_sets: RuleSets) -> None:
    """Refuse rule sets that cannot be kept.

    Raises:
        ConnectorFailedError: naming what is wrong with one.
    """
    for claim_type, documents in rule_sets.items():
        if not _is_name(claim_type):
            raise ConnectorFailedError("a rule set's type must be text of up to 100 characters")
        for one in documents:
            expected: object = one
            if not isinstance(expected, ExpectedDocument) or not (
                _is_name(expected.id) and expected.label
            ):
                raise ConnectorFailedError("a rule set must hold ExpectedDocuments with id, label")
        if faults_of_expected(documents):
            raise ConnectorFailedError("a rule set names a document twice, or a reserved one")


def _is_name(text: object) -> bool:
    return isinstance(text, str) and 0 < len(text) <= LONGEST_NAME and "\0" not in text
