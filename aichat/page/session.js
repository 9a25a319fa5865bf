// What the page remembers across connections: outbox, position, open conversations, retry schedule.
// The same rules as aichat/protocol/session.py; knows no socket.
//
// A command that changes something stays in the outbox until its `ack`; after a reconnect it is sent again with the
// same `request_id`, which the server answers as the first time. All that decides state is TRANSITIONS.

import { newId } from "./text.js";
import { Timeline } from "./timeline.js";

const VERSION = 1;
const CLOSE_UNAUTHORIZED = 4401;
const LOGIN = "login"; // request id of a login
const OPENING = "open-"; // request ids of our own subscriptions: this and the conversation's id
const RETRY_FIRST = 0.5;
const RETRY_MOST = 30;

const TRANSITIONS = {
  "offline opened": "greeting",
  "refused opened": "greeting",
  "greeting welcome": "live",
  "greeting refused": "refused",
  "live welcome": "live",
  "live refused": "refused",
  "refused refused": "refused",
  "offline refused": "refused",
  "greeting closed": "offline",
  "live closed": "offline",
  "offline closed": "offline",
  "refused closed": "refused",
};

export class Session {
  constructor({ token = "", client = "" } = {}) {
    this.state = "offline";
    this.timeline = new Timeline();
    this.token = token;
    this.user = "";
    this.role = "";
    this.server = "";
    this.refusal = "";
    this.refusalCode = "";
    this.outbox = new Map(); // request id -> {command, failure}
    this.openedConversations = new Set();
    this._client = client;
    this._login = null;
    this._tries = 0;
    this._position = null;
    this._outgoing = [];
    this._resubscribing = new Set();
  }

  // the link's side

  opened() {
    this._move("opened");
    this._outgoing = [];
    this._resubscribing.clear();
    if (this._login) this._write(this._login);
    else this._greet();
  }

  // One message from the socket -> the frame and what changed.
  received(text) {
    const frame = JSON.parse(text);
    switch (frame.type) {
      case "logged_in": this._loggedIn(frame); break;
      case "welcome": this._welcomed(frame); break;
      case "ack": this.outbox.delete(frame.request_id); break;
      case "error": this._failed(frame); break;
      case "message_snapshot": this._resubscribing.delete(frame.message_id); break;
    }
    const changes = this.timeline.apply(frame);
    this._advance(frame);
    for (const { kind, key } of changes) {
      if (kind === "gap") {
        this._fillGap(frame);
      } else if (kind === "missing") {
        this._write({ type: "history_request", conversation_id: key });
      } else if (kind === "conversations" && !this.timeline.conversations.has(key)) {
        this.openedConversations.delete(key);
      }
    }
    return { frame, changes };
  }

  // The socket is closed or did not open -> seconds until the next try, or null: trying is no use.
  closed(code) {
    this._outgoing = [];
    this._move(code === CLOSE_UNAUTHORIZED ? "refused" : "closed");
    if (this.state === "refused") return null;
    const bound = Math.min(RETRY_MOST, RETRY_FIRST * 2 ** this._tries);
    this._tries += 1;
    return bound * (0.5 + 0.5 * Math.random());
  }

  take() {
    const out = this._outgoing;
    this._outgoing = [];
    return out;
  }

  // the user's side

  // Show a name and a password at the next connect, instead of the token; then the link must connect anew.
  logIn(name, password) {
    this._login = { type: "login", name, password, client: this._client, request_id: LOGIN };
  }

  // Forget who one was and all that is theirs, unsent words too; the link must leave, and waits for a login.
  logOut() {
    this.token = this.user = this.role = this.refusal = this.refusalCode = "";
    this._login = null;
    this._position = null;
    this._outgoing = [];
    this.outbox.clear();
    this.openedConversations.clear();
    this.timeline.clear();
    this._move("refused");
  }

  // Say something; without a conversation the newest one goes on, or a `fresh` one starts -> request id.
  post(content, { personaId, conversationId = null, fresh = false }) {
    return this.request({
      type: "chat", content, persona_id: personaId,
      ...(conversationId === null ? {} : { conversation_id: conversationId }),
      ...(fresh ? { new_conversation: true } : {}),
    });
  }

  // Send a command that changes something, now or after the next connect -> its request id.
  request(command) {
    const requestId = newId();
    command = { ...command, request_id: requestId };
    this.outbox.set(requestId, { command, failure: null });
    if (this.state === "live") this._write(command);
    return requestId;
  }

  retry(requestId) {
    const pending = this.outbox.get(requestId);
    pending.failure = null;
    if (this.state === "live") this._write(pending.command);
  }

  discard(requestId) {
    const pending = this.outbox.get(requestId);
    this.outbox.delete(requestId);
    return pending ? pending.command : null;
  }

  // What was said in a conversation (null: in a new one with the persona) and is not acked yet.
  pendingChats(personaId, conversationId) {
    return pendingChats(this.outbox, personaId, conversationId);
  }

  openConversation(conversationId) {
    this.openedConversations.add(conversationId);
    if (this.state === "live") this._open(conversationId);
  }

  leaveConversation(conversationId) {
    this.openedConversations.delete(conversationId);
    if (this.state === "live") this._write({ type: "conversation_unsubscribe", conversation_id: conversationId });
  }

  // Ask for the page before the oldest loaded message; false if there is none or no connection.
  loadOlder(conversationId, limit = 50) {
    const loaded = this.timeline.messages(conversationId);
    if (this.state !== "live" || !loaded.length || !this.timeline.older.get(conversationId)) return false;
    this._write({ type: "history_request", conversation_id: conversationId, before: loaded[0].id, limit });
    return true;
  }

  // Something harmless that the server answers, to find out whether the line is alive.
  probe() {
    const [opened] = this.openedConversations;
    if (this.state !== "live") return;
    this._write(opened ? { type: "conversation_subscribe", conversation_id: opened, request_id: "probe" }
      : { type: "conversation_list", persona_id: "none", request_id: "probe" });
  }

  // inside

  _move(what) {
    this.state = TRANSITIONS[`${this.state} ${what}`];
  }

  _write(frame) {
    this._outgoing.push(JSON.stringify(frame));
  }

  _greet() {
    const known = this.timeline.personasKnown && this.timeline.conversationsKnown;
    this._write({
      type: "hello", version: VERSION, token: this.token, client: this._client,
      ...(known && this._position ? { resume: this._position } : {}),
    });
  }

  _loggedIn(frame) {
    this._login = null;
    this.token = frame.token;
    this._greet();
  }

  _welcomed(welcome) {
    this._move("welcome");
    this._tries = 0;
    this.refusal = "";
    const another = this.user !== "" && this.user !== welcome.user;
    this.user = welcome.user;
    this.role = welcome.role ?? "owner";
    this.server = welcome.server;
    if (another) { // what is here is not theirs
      this.outbox.clear();
      this.openedConversations.clear();
    }
    if (another || !welcome.recovered) {
      this.timeline.clear();
      this._position = { epoch: welcome.epoch, seq: welcome.seq };
      this._write({ type: "persona_list" });
      this._write({ type: "conversation_list" });
    }
    for (const id of [...this.openedConversations].sort((a, b) => a - b)) this._open(id);
    for (const pending of this.outbox.values()) if (!pending.failure) this._write(pending.command);
  }

  _open(conversationId) {
    if (!this.timeline.isLoaded(conversationId)) this._write({ type: "history_request", conversation_id: conversationId });
    this._write({ type: "conversation_subscribe", conversation_id: conversationId, request_id: `${OPENING}${conversationId}` });
  }

  // Ask for a snapshot, once for each answer.
  _fillGap(delta) {
    if (this._resubscribing.has(delta.message_id)) return;
    this._resubscribing.add(delta.message_id);
    this._write({ type: "conversation_subscribe", conversation_id: delta.conversation_id });
  }

  _failed(error) {
    if (error.code === "unauthorized" || error.request_id === LOGIN) {
      this.refusal = error.message;
      this.refusalCode = error.code;
      this._login = null;
    }
    if (error.request_id?.startsWith(OPENING) && error.code === "not_found") {
      this.openedConversations.delete(Number(error.request_id.slice(OPENING.length))); // deleted meanwhile
    }
    const pending = this.outbox.get(error.request_id);
    if (pending && error.code !== "shutting_down") { // then the next connection sends it again
      pending.failure = { code: error.code, message: error.message, retryable: error.retryable };
    }
  }

  // Move the position on with a durable event. Replies do not count: events before them may be under way.
  _advance(frame) {
    const seq = {
      persona_saved: () => frame.persona.seq,
      conversation_saved: () => frame.conversation.seq,
      message_added: () => frame.message.seq,
      message_done: () => frame.message.seq,
      persona_deleted: () => frame.seq,
      conversation_deleted: () => frame.seq,
      message_deleted: () => frame.seq,
    }[frame.type]?.();
    if (seq && this._position && seq > this._position.seq) this._position = { epoch: this._position.epoch, seq };
  }
}

export function pendingChats(outbox, personaId, conversationId) {
  return [...outbox.values()].filter(
    ({ command }) =>
      command.type === "chat" &&
      (command.conversation_id ?? null) === conversationId &&
      (conversationId !== null || command.persona_id === personaId),
  );
}
