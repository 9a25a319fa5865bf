"""The commands inside of `chat --plain`: a line that begins with /."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, NamedTuple

from aichat.protocol import frames
from aichat.protocol.values import AI, ConversationChanges
from aichat_tui.i18n import N_, _
from aichat_tui.plain.finding import find_conversation, find_persona
from aichat_tui.plain.output import USAGE, End, of_message
from aichat_tui.plain.reading import at, print_message
from aichat_tui.text import label

if TYPE_CHECKING:
    from aichat_tui.plain.chatting import Chatting

SHOWN = 10


class Verb(NamedTuple):
    """How a command is written, what it does, and how."""

    usage: str
    about: str
    run: Callable[[Chatting, str], Awaitable[None]]


async def _help(chat: Chatting, _rest: str) -> None:
    for verb in VERBS.values():
        chat.line(f"{verb.usage}: {_(verb.about)}")
    chat.line(_('A line of """ begins a text of many lines, and another one ends it.'))


async def _stop(chat: Chatting, _rest: str) -> None:
    await chat.until(lambda: chat.is_answering or not chat.is_asking)
    if not chat.stop_answer():
        chat.tell(_("nothing is being written"))


async def _regenerate(chat: Chatting, _rest: str) -> None:
    chat.request(frames.ChatRegenerate(conversation_id=_conversation(chat)))


async def _continue(chat: Chatting, _rest: str) -> None:
    number = _conversation(chat)
    broken = chat.timeline.unfinished(number)
    if broken is None:
        raise End(USAGE, _("the last answer is whole"))
    chat.request(frames.ChatContinue(conversation_id=number, answer_id=broken.id))


async def _new(chat: Chatting, _rest: str) -> None:
    if chat.persona is not None:
        chat.go_to(chat.persona, fresh=True)


async def _persona(chat: Chatting, rest: str) -> None:
    personas = chat.timeline.personas.values()
    if rest:
        chat.go_to(find_persona(personas, rest))
        return
    for persona in personas:
        chat.line(f"{label(persona.name)} ({label(persona.id)})")


async def _open(chat: Chatting, rest: str) -> None:
    if rest:
        conversation = find_conversation(chat.timeline.conversations.values(), rest)
        chat.enter(find_persona(chat.timeline.personas.values(), conversation.persona_id), conversation.id)
        return
    for one in chat.timeline.conversations_with(chat.persona_id)[:SHOWN]:
        chat.line(f"{one.id}: {label(one.title)}, {at(one.update_time or one.create_time)}")


async def _show(chat: Chatting, rest: str) -> None:
    most = int(rest) if rest.isascii() and rest.isdigit() else SHOWN
    conversation = chat.timeline.conversations[_conversation(chat)]
    for message in await chat.messages(conversation, most):
        if chat.arguments.json:
            chat.out.json(of_message(message))
        else:
            print_message(chat.out, message, chat.persona_name)


async def _search(chat: Chatting, rest: str) -> None:
    if not rest:
        raise End(USAGE, _("nothing to look for: give some words"))
    reply = await chat.fetch(frames.SearchRequest(query=rest[:200], limit=SHOWN))
    for result in reply.results if isinstance(reply, frames.SearchResults) else ():
        conversation = result.conversation
        who = chat.persona_of(conversation) if result.sender_type == AI else _("You")
        chat.line(f"{conversation.id}, {label(conversation.title)}, {who}: {label(result.snippet)}")


async def _rename(chat: Chatting, rest: str) -> None:
    if not rest:
        raise End(USAGE, _("give a title"))
    changes = ConversationChanges(title=rest[:200])
    chat.request(frames.ConversationUpdate(conversation_id=_conversation(chat), changes=changes))


async def _quit(chat: Chatting, _rest: str) -> None:
    if chat.is_answering:
        chat.tell(_("The answer goes on without you."))
    chat.leaving = True


def _conversation(chat: Chatting) -> int:
    if chat.conversation_id is None:
        raise End(USAGE, _("nothing was said here yet"))
    return chat.conversation_id


VERBS = {
    "help": Verb("/help", N_("this list"), _help),
    "stop": Verb("/stop", N_("stop the answer; what came is kept"), _stop),
    "regenerate": Verb("/regenerate", N_("another answer to the last question"), _regenerate),
    "continue": Verb("/continue", N_("go on with an answer that was stopped or broke off"), _continue),
    "new": Verb("/new", N_("begin a new conversation"), _new),
    "persona": Verb("/persona [NAME]", N_("speak with somebody else; without a name: who there is"), _persona),
    "open": Verb("/open [NUMBER|TITLE]", N_("go on in another conversation; alone: which there are"), _open),
    "show": Verb("/show [N]", N_("the last messages here"), _show),
    "search": Verb("/search WORDS", N_("find words in all conversations"), _search),
    "rename": Verb("/rename TITLE", N_("give this conversation a title"), _rename),
    "quit": Verb("/quit", N_("leave; an answer goes on without you"), _quit),
}


async def run(chat: Chatting, line: str) -> None:
    """Carry out a line that begins with /. Errors: End with what is wrong."""
    name, _space, rest = line.strip().removeprefix("/").partition(" ")
    wanted = name.casefold()
    found = [VERBS[wanted]] if wanted in VERBS else [v for k, v in VERBS.items() if wanted and k.startswith(wanted)]
    if len(found) != 1:
        raise End(USAGE, _("no command /{name}; /help tells which there are").format(name=label(name)))
    await found[0].run(chat, rest.strip())
