"""The demo's one dossier sent, one pass over every link, and one life of a claim file."""

from __future__ import annotations

from collections import Counter

from syncer.cli.client import Json
from syncer.cli.demo.dossier import CONNECTOR, SentDossier, send_dossier
from syncer.cli.demo.intervention import last_intervention, way_text
from syncer.cli.demo.paperwork import OFFICE, complete_once
from syncer.cli.demo.stage import Stage
from syncer.cli.demo.worked_example import live_once, timeline_text
from syncer.cli.exits import Exit
from syncer.cli.output import Output, plain, styled

_SENT_COLUMNS = ("repairer", "dossier", "first refused", "sent", "number", "now")
_COLUMNS = ("repairer", "connector", "pass", "seen", "new", "changed", "excluded", "error")


async def pass_once(stage: Stage, output: Output) -> int:
    """Send a dossier, pass over every link, let a claim file live, and print what came of it.

    0, or 6 when a part failed.
    """
    sent = await send_dossier(stage, output.progress)
    if sent is not None:
        stage.partners[CONNECTOR].live()  # what was sent moves on
    _, started = await stage.client.call("POST", "/v1/refresh", query={"wait": 60}, body={})
    passes = [await stage.client.get(f"/v1/passes/{each['id']}") for each in started["passes"]]
    records = await stage.client.all("/v1/records", {"intake": "queued,accepted,excluded"})
    kinds = Counter((str(r["kind"]), str(r["intake"]["state"])) for r in records)
    dossiers = [await _dossier(stage, sent)] if sent else []
    lived = await live_once(stage, output.progress)
    intervention = await last_intervention(stage)
    completed = await complete_once(stage, output.progress)
    for _ in range(2) if completed else ():
        output.progress(stage.partners[OFFICE].live())  # the reminder and the dossier are read
    output.table(
        {
            "passes": passes,
            "records": _nested(kinds),
            "dossiers": dossiers,
            "lives": [_life(lived)] if lived else [],
            "interventions": [_life(intervention)] if intervention else [],
            "completed": [completed] if completed else [],
        },
        _COLUMNS,
        [_row(each) for each in passes],
        nothing="There was no link to pass over.",
    )
    if not output.json:
        for (kind, state), count in sorted(kinds.items()):
            output.show(None, f"{count} {kind}s {styled(state)}")
        if dossiers:
            output.table(None, _SENT_COLUMNS, [_sent_row(each) for each in dossiers], nothing="")
        if lived:
            output.show(None, f"claim {plain(lived['reference'])}: {timeline_text(lived)}")
        if intervention:
            mission = plain(intervention["reference"])
            output.show(None, f"mission {mission}: {way_text(intervention)}")
        if completed:
            output.show(None, f"file {plain(completed['reference'])}: {_completed(completed)}")
    has_failed = not passes or any(each["state"] != "succeeded" for each in passes)
    has_failed |= any(each["sent"] != "delivered" for each in dossiers)
    has_failed |= completed is not None and not completed["complete"]
    return Exit.PARTLY_FAILED if has_failed else Exit.OK


async def _dossier(stage: Stage, sent: SentDossier) -> Json:
    claim_file = await stage.client.get(f"/v1/claim-files/{sent.claim_file}")
    return {
        "repairer": sent.repairer,
        "dossier": sent.reference,
        "first_refused": sent.refused,
        "sent": sent.state,
        "number": sent.number,
        "now": claim_file["state"],
    }


def _completed(completed: Json) -> str:
    missing, reminder = ", ".join(completed["missing"]), completed["reminder"] or "not sent again"
    return (
        f"missed {missing}; reminder {reminder}; deposits {', '.join(completed['deposits'])}; "
        f"by mail to the claims office: {completed['mailed']}"
    )


def _life(claim_file: Json) -> Json:
    names = ("repairer", "connector", "reference", "state", "timeline")
    return {name: claim_file[name] for name in names}


def _sent_row(dossier: Json) -> tuple[str, ...]:
    values = ("repairer", "dossier", "first_refused", "sent", "number", "now")
    return tuple(plain(dossier[name]) for name in values)


def _nested(kinds: Counter[tuple[str, str]]) -> dict[str, dict[str, int]]:
    nested: dict[str, dict[str, int]] = {}
    for (kind, state), count in sorted(kinds.items()):
        nested.setdefault(kind, {})[state] = count
    return nested


def _row(each: Json) -> tuple[str, ...]:
    counts, error = each["counts"], each.get("error") or {}
    return (
        plain(each["repairer"]),
        plain(each["connector"]),
        styled(each["state"]),
        plain(counts["seen"]),
        plain(counts["new"]),
        plain(counts["changed"]),
        plain(counts["excluded"]),
        plain(error.get("text")),
    )
