"""Rows to values: the column order of the queries in `sql/queries/`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from aichat.protocol.values import Conversation, Failure, Message, Persona

PERSONA_FIELDS = (
    "name", "prompt", "avatar", "model", "greeting", "starters", "provider", "fallback", "shared", "temperature",
)  # fmt: skip


def to_persona(row: Any, user_id: int) -> Persona:
    """id, name, prompt, avatar, create_time, model, greeting, starters (JSON), provider, fallback, shared,
    temperature, seq, user_id, owner's name

    As `user_id` sees it: one that another user no longer shares has its name and picture left, and no more.
    """
    ident, name, prompt, avatar, create_time, model, greeting, starters, *more = row
    provider, fallback, shared, temperature, seq, owner_id, owner = more
    others = "" if owner_id == user_id else owner or "?"
    avatar, create_time = avatar or "", create_time or ""
    if others and not shared:
        return Persona(id=ident, name=name, avatar=avatar, create_time=create_time, owner=others, seq=seq)
    return Persona(
        id=ident,
        name=name,
        avatar=avatar,
        prompt=prompt,
        create_time=create_time,
        model=model,
        greeting=greeting,
        starters=msgspec.json.decode(starters),
        shared=bool(shared),
        owner=others,
        provider=provider,
        fallback=fallback,
        temperature=temperature,
        seq=seq,
    )


def to_conversation(row: Any) -> Conversation:
    """id, persona_id, title, create_time, update_time, touched, seq, flags, tags (JSON, or None), read, leaf_id

    `flags` is 1 if it is pinned, and 2 if it is archived, and 4 if it is unread.
    """
    return to_conversations([row])[0]


def to_conversations(rows: Iterable[Any]) -> list[Conversation]:
    """Rows as of `to_conversation`. In one loop, and in few columns: there are a thousand in a list."""
    return [
        Conversation(
            id=ident,
            persona_id=persona,
            title=title,
            create_time=made,
            update_time=updated,
            touched=touched,
            leaf_id=leaf_id,
            seq=seq,
            pinned=flags & 1 != 0,
            archived=flags & 2 != 0,
            unread=flags & 4 != 0,
            tags=msgspec.json.decode(tags) if tags else [],
            read=read,
        )
        for ident, persona, title, made, updated, touched, seq, flags, tags, read, leaf_id in rows
    ]


def to_message(row: Any) -> Message:
    """id, conversation_id, sender_type, content, send_time, status, reasoning, reasoning_ms, model, failure (JSON),
    request_id, seams (JSON), parent_id, seq"""
    ident, conversation, sender, content, time, status, reasoning, ms, model, failure, request_id, *more = row
    seams, parent_id, seq = more
    return Message(
        id=ident,
        conversation_id=conversation,
        sender_type=sender,
        content=content,
        send_time=time,
        status=status,
        reasoning=reasoning,
        reasoning_ms=ms,
        model=model,
        failure=msgspec.json.decode(failure, type=Failure) if failure else None,
        request_id=request_id,
        seams=msgspec.json.decode(seams),
        parent_id=parent_id,
        seq=seq,
    )
