"""Answers an event with a row of the transcript, unless the event tells it to misbehave."""

import json

from wit_world import exports
from wit_world.imports import reader
from wit_world.imports.codex_manager_actions_types import Action


def spin():
    """Computes for ever."""
    while True:
        pass


def wait():
    """Waits for an answer of the host that does not come."""
    reader.get("nothing")


def hoard():
    """Fills its memory."""
    hoarded = []
    while True:
        hoarded.append(b"\x01" * (1 << 20))


MISDEEDS = {"spin": spin, "wait": wait, "hoard": hoard}


class Handler(exports.Handler):
    def handle(self, event):
        asked = json.loads(event.payload).get("do")
        if asked in MISDEEDS:
            MISDEEDS[asked]()
        header = event.header
        entry = {
            "messageId": f"heard-{header.seq}",
            "turnId": header.turn,
            "role": "system",
            "type": "python.heard",
            "content": f"heard {header.kind}",
            "status": "complete",
        }
        payload = json.dumps({"sessionId": header.session, "entry": entry})
        return [Action("transcript.upsert", payload, None)]
