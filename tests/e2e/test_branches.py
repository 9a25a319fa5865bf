"""Branches through the real service: real devices, kill -9 in the middle of an edited question's answer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from aichat.protocol import frames
from aichat.protocol.session import Session
from tests.e2e.client import full_client
from tests.service import RunningService
from tests.soak.device import Device


@contextmanager
def device_of(service: RunningService, name: str) -> Iterator[Device]:
    device = Device(name, lambda: service.url)
    device.start()
    try:
        device.wait_until(lambda session: session.timeline.conversations_known, "the list")
        yield device
    finally:
        device.end()


def request(device: Device, command: frames.Command) -> None:
    with device.changed:
        device.session.request(command)


def shown(session: Session, conversation: int) -> list[tuple[str, str]]:
    return [(message.status, message.content) for message in session.timeline.messages(conversation)]


def test_devices_agree_through_edits_switches_deletions_and_a_crash(fresh_service: RunningService) -> None:
    service = fresh_service
    with full_client(service.url) as client:
        ack = client.ask("ack", type="chat", persona_id="mara", content="!recite 3", request_id="q1")
        first = client.get("message_done")["message"]["content"]
    conversation = ack["conversation_id"]
    where = {"conversation_id": conversation}
    with device_of(service, "desk") as desk, device_of(service, "phone") as phone:
        for device in (desk, phone):
            with device.changed:
                device.session.open_conversation(conversation)
            device.wait_until(lambda session: len(shown(session, conversation)) == 2, "the page")

        request(desk, frames.MessageEdit(**where, message_id=ack["message_id"], content="!recite 400"))
        phone.wait_until(
            lambda session: (
                bool(session.timeline.running(conversation))
                and len(session.timeline.messages(conversation)[-1].content) > 100
            ),
            "the edited question's answer",
        )
        service.kill()
        service.start()
        for device in (desk, phone):
            device.wait_until(
                lambda session: [status for status, _ in shown(session, conversation)] == ["done", "interrupted"],
                "what the crash left",
            )
            timeline = device.session.timeline
            question, answer = timeline.messages(conversation)
            assert question.content == "!recite 400"
            assert len(answer.content) > 50
            assert timeline.siblings(conversation, question.id) == [ack["message_id"], question.id]

        request(phone, frames.BranchSelect(**where, message_id=ack["message_id"]))
        for device in (desk, phone):
            device.wait_until(
                lambda session: shown(session, conversation) == [("done", "!recite 3"), ("done", first)],
                "the first branch",
            )
        request(desk, frames.MessageDelete(**where, message_id=ack["message_id"]))
        for device in (desk, phone):
            device.wait_until(
                lambda session: (
                    session.timeline.siblings(conversation, question.id) == [question.id]
                    and [m.id for m in session.timeline.messages(conversation)] == [question.id, answer.id]
                ),
                "what is left",
            )
        with full_client(service.url) as client:
            page = client.ask("history_response", type="history_request", **where)
        assert [m["id"] for m in page["messages"]] == [question.id, answer.id]
        assert "siblings" not in page
