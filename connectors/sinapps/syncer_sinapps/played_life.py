"""One intervention at the played partner, from the assignment to the invoice, a step at a time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from syncer_sinapps import wire
from syncer_sinapps.played_commands import Order, carry_out
from syncer_sinapps.played_world import PlayedAccount, PlayedMission, PlayedThing


class Life:
    """Plays the insurer, and where nobody sends anything the repairer at the extranet too."""

    def __init__(self, account: PlayedAccount) -> None:
        self._account = account
        self._mission: PlayedMission | None = None
        self._steps: list[Callable[[PlayedMission], str]] = []

    @property
    def has_ended(self) -> bool:
        """Say whether the invoice of the last mission was deposited."""
        return self._mission is not None and not self._steps

    def play(self) -> None:
        """Let a whole intervention go by."""
        self.step()
        while not self.has_ended:
            self.step()

    def step(self) -> str:
        """Let the next thing happen; gives one line that says what."""
        if self._mission is None or not self._steps:
            self._mission = self._account.assign()
            self._steps = [
                self._appointment,
                self._comment,
                self._refused_quote,
                self._quote,
                self._validated,
                self._works,
                self._invoice,
            ]
            return f"mission {self._mission.inner['numero']} assigned"
        return f"{self._steps.pop(0)(self._mission)} ({self._mission.inner['numero']})"

    def _send(self, owner: PlayedThing, name: str, body: Any) -> None:
        """Have a person of the repairer do it at the extranet."""
        account = self._account
        told = carry_out(name, Order(account=account, owner=owner, body=body))
        accepted = account.tell(wire.COMMAND_ACCEPTED, owner, resource_type="commands", name=name)
        account.happened(accepted, *(account.tell(o.name, o.resource, **o.data) for o in told))

    def _appointment(self, mission: PlayedMission) -> str:
        day = (self._account._now() + timedelta(days=2)).date().isoformat()  # noqa: SLF001  ours
        value = {"date": day, "heureDebut": "09:00", "heureFin": "10:00"}
        body = {
            "horaire": {"name": wire.WINDOW, "value": value},
            "dureeRendezVous": wire.USUAL_MINUTES,
            "typeRendezVous": {"name": "Site"},
        }
        self._send(mission.services[0], wire.TAKE_APPOINTMENT, body)
        return f"appointment on {day}"

    def _comment(self, mission: PlayedMission) -> str:
        self._account.comment(mission, "L'assuré préfère le matin.")
        return "the insurer commented"

    def _deposit(self, mission: PlayedMission, net: float) -> None:
        name = f"devis-{len(mission.documents) + 1}.pdf"
        document = self._account.add_document(mission, name, by=wire.REPAIRER, type_="Devis")
        body = {
            "montantHT": net,
            "montantTTC": round(net * 1.2, 2),
            "pieceJointe": document.properties["id"],
            "validationManuelle": {"name": wire.INSURER},
        }
        self._send(mission.services[0], wire.DEPOSIT_QUOTE, body)

    def _refused_quote(self, mission: PlayedMission) -> str:
        self._deposit(mission, 1240.5)
        self._account.decide(mission.services[0], is_good=False)
        return "a quote of 1240.50 EUR was refused by the insurer"

    def _quote(self, mission: PlayedMission) -> str:
        self._deposit(mission, 980.0)
        return "a new quote of 980.00 EUR waits for the insurer"

    def _validated(self, mission: PlayedMission) -> str:
        self._account.decide(mission.services[0], is_good=True)
        return "the quote was validated"

    def _works(self, mission: PlayedMission) -> str:
        day = (self._account._now() + timedelta(days=20)).date().isoformat()  # noqa: SLF001  ours
        plan = {"name": "PlanificationPlage", "value": {"horizon": {"date": day}}}
        self._send(mission.services[0], wire.PLAN_WORKS, {"planification": plan})
        return f"works planned for {day}"

    def _invoice(self, mission: PlayedMission) -> str:
        document = self._account.add_document(
            mission, "facture.pdf", by=wire.REPAIRER, type_="Facture"
        )
        body = {
            "numero": "F-2026-1",
            "montantHT": 980.0,
            "montantTTC": 1176.0,
            "pieceJointe": document.properties["id"],
        }
        self._send(mission.services[0], wire.DEPOSIT_INVOICE, body)
        mission.move("Terminee")
        self._account.happened(self._account.tell("StatutModifie", mission))
        return "the invoice was deposited"
