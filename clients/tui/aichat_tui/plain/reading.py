"""`list`, `show`, `search`, `export`: what is there, printed."""

from __future__ import annotations

import argparse
from collections.abc import Callable

from aichat.protocol import export, frames
from aichat.protocol.address import Address
from aichat.protocol.values import AI, Conversation, Message, SearchResult
from aichat_tui.clock import local
from aichat_tui.i18n import _
from aichat_tui.plain.errand import Errand
from aichat_tui.plain.finding import find_conversation, find_persona
from aichat_tui.plain.output import (
    DONE,
    USAGE,
    End,
    Printer,
    complain,
    of_conversation,
    of_message,
    of_persona,
    of_result,
)
from aichat_tui.text import clean, label

MOST_WORDS = 200
"""Characters of a search, as the protocol allows."""
PAGE_OF_RESULTS = 100


class Reading(Errand):
    """What the commands below share."""

    def find_conversation(self, wanted: str) -> Conversation:
        """Errors: End with the choices."""
        return find_conversation(self.timeline.conversations.values(), wanted)

    def persona_of(self, conversation: Conversation) -> str:
        """Their name, on one line."""
        persona = self.timeline.personas.get(conversation.persona_id)
        return label(persona.name if persona else conversation.persona_id)

    async def messages(self, conversation: Conversation, most: int | None) -> list[Message]:
        """The last `most` messages that are shown, or all; oldest first."""
        pages = export.Pages(conversation.id, most)
        while not pages.whole:
            reply = await self.fetch(pages.query)
            if isinstance(reply, frames.HistoryResponse):
                pages.take(reply)
        return pages.messages


class Listing(Reading):
    """Personas or conversations, one a line."""

    async def do(self) -> int:
        """Print them."""
        await self.ready()
        if self.arguments.what == "conversations":
            self._print_conversations()
        else:
            self._print_personas()
        return DONE

    def _print_personas(self) -> None:
        for persona in self.timeline.personas.values():
            if self.arguments.json:
                self.out.json(of_persona(persona))
            else:
                self.out.line(f"{label(persona.id)}\t{label(persona.name)}")

    def _print_conversations(self) -> None:
        there = list(self.timeline.conversations.values())
        if self.arguments.persona:
            persona = find_persona(self.timeline.personas.values(), self.arguments.persona)
            there = [c for c in there if c.persona_id == persona.id]
        for one in sorted(there, key=lambda c: (c.pinned, c.touched, c.id), reverse=True):
            if one.archived and not self.arguments.all:
                continue
            if self.arguments.json:
                self.out.json(of_conversation(one))
            else:
                when = at(one.update_time or one.create_time)
                self.out.line("\t".join([str(one.id), when, self.persona_of(one), label(one.title)]))


class Showing(Reading):
    """Messages of a conversation."""

    async def do(self) -> int:
        """Print the last ones, or all."""
        await self.ready()
        conversation = self.find_conversation(self.arguments.conversation)
        messages = await self.messages(conversation, None if self.arguments.all else self.arguments.most)
        persona = self.persona_of(conversation)
        if not self.arguments.json:
            self.out.line(f"{label(conversation.title)} · {persona} · {conversation.id}")
        for message in messages:
            if self.arguments.json:
                self.out.json(of_message(message))
            else:
                print_message(self.out, message, persona)
        return DONE


class Searching(Reading):
    """Words in all conversations, or some."""

    async def do(self) -> int:
        """Print what is found, titles first, then the newest messages."""
        await self.ready()
        persona_id = ""
        if self.arguments.persona:
            persona_id = find_persona(self.timeline.personas.values(), self.arguments.persona).id
        within = self.find_conversation(self.arguments.conversation) if self.arguments.conversation else None
        before, left, indexing = None, self.arguments.most, False
        while left > 0:
            query = frames.SearchRequest(
                query=" ".join(self.arguments.words), persona_id=persona_id, before=before,
                conversation_id=within.id if within else None, limit=min(left, PAGE_OF_RESULTS),
            )  # fmt: skip
            reply = await self.fetch(query)
            if not isinstance(reply, frames.SearchResults):
                break
            for result in reply.results[:left]:
                self._print(result)
            left -= len(reply.results)
            before, indexing = reply.before, indexing or reply.indexing
            if not before or self.out.broken:
                break
        if indexing:
            complain(_("old messages are still being made ready for search; some are not found yet"))
        return DONE

    def _print(self, result: SearchResult) -> None:
        if self.arguments.json:
            self.out.json(of_result(result))
            return
        conversation, message_id = result.conversation, str(result.message_id or "-")
        when = at(result.send_time or conversation.update_time or conversation.create_time)
        names = [self.persona_of(conversation), label(conversation.title), label(result.snippet)]
        self.out.line("\t".join([str(conversation.id), message_id, when, *names]))


class Exporting(Reading):
    """A whole conversation as a document."""

    async def do(self) -> int:
        """Print it."""
        await self.ready()
        conversation = self.find_conversation(self.arguments.conversation)
        messages = await self.messages(conversation, None)
        persona = self.persona_of(conversation)
        if self.arguments.json or self.arguments.format == "json":
            text = export.as_json(conversation, persona, messages, indent=0 if self.arguments.json else 1).decode()
        else:
            user = self.session.user or _("You")
            text = export.as_markdown(conversation, persona, user, messages, clean, states())
        self.out.write(clean(text) if self.out.cleans else text)
        return DONE


def print_message(out: Printer, message: Message, persona: str) -> None:
    """Who, when, what; and what became of it, if it is not whole."""
    who = persona if message.sender_type == AI else _("You")
    out.line(f"\n{who}, {at(message.send_time)}:")
    if message.content.strip():
        out.line(message.content.rstrip("\n"))
    if message.status != "done":
        out.line(f"({ending(message)})")


def ending(message: Message) -> str:
    """What became of an answer that is not whole."""
    reason = label(message.failure.message) if message.failure else ""
    return states()[message.status] + (f": {reason}" if reason else "")


def states() -> dict[str, str]:
    """What is said of an answer that is not whole."""
    return {
        "running": _("being written"),
        "stopped": _("stopped"),
        "interrupted": _("broke off"),
        "failed": _("failed"),
    }


def at(utc: str) -> str:
    """A time on this machine's clock, the same everywhere: 2026-03-02 14:03."""
    moment = local(utc)
    return "" if moment is None else f"{moment:%Y-%m-%d %H:%M}"


COMMANDS: dict[str, type[Reading]] = {
    "list": Listing,
    "show": Showing,
    "search": Searching,
    "export": Exporting,
}


def run(arguments: argparse.Namespace, find: Callable[[], Address]) -> int:
    """Run one of them -> exit status. Errors: End."""
    if arguments.command == "search":
        query = " ".join(arguments.words)
        if not query.strip():
            raise End(USAGE, _("nothing to look for: give some words"))
        if len(query) > MOST_WORDS:
            words = _("the words have {n} characters; {most} are allowed")
            raise End(USAGE, words.format(n=len(query), most=MOST_WORDS))
    return COMMANDS[arguments.command](arguments, find).run()
