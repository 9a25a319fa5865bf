// Where the user is (persona, conversation) and what they may do there; knows links and timeline, draws nothing.
//
// Screens call the verbs and listen for: personas, conversations, selected, messages, live (message id), link, user,
// acknowledged (request id, ack), refused (request id, failure), answered (message), returned (words that could not be sent, failure), notice (failure).

import { canChat } from "./timeline.js";

const FLUSH_MS = 50; // live text is drawn at most 20 times a second
const OLDER_PAGE = 100;
const PLACE = "aichat.place";

export class Desk {
  constructor(link) {
    this.link = link;
    this.session = link.session;
    this.timeline = link.session.timeline;
    this.can = link.can;
    this.personaId = "";
    this.conversationId = null; // null: a conversation that begins with the next message
    this.loadingOlder = false;
    this.unread = new Map(); // conversation id -> answers that were not on the screen
    this._listeners = new Map();
    this._fresh = false; // the user asked for a new conversation, so the newest must not come up by itself
    this._user = "";
    this._seen = false; // the shown conversation was in the list once; when it leaves it was deleted
    this._sent = new Map(); // request id -> command, until its ack
    this._settling = new Map(); // request id -> chat that is acked and whose message is not here yet
    this._stopping = new Set();
    this._stale = new Set();
    this._grown = new Set();
    this._gather = 0;
    this._flush = 0;
    link.onFrame = (frame, changes) => this._received(frame, changes);
    link.onState = () => this._linkChanged();
    try {
      this._place = JSON.parse(sessionStorage.getItem(PLACE)) || {};
    } catch {
      this._place = {};
    }
  }

  // `what` names one or more events -> a function that ends the listening.
  on(what, listener) {
    const sets = what.split(" ").map((name) => {
      if (!this._listeners.has(name)) this._listeners.set(name, new Set());
      return this._listeners.get(name).add(listener);
    });
    return () => sets.forEach((set) => set.delete(listener));
  }

  _emit(what, ...more) {
    for (const listener of [...(this._listeners.get(what) || [])]) listener(...more);
  }

  // who is here

  // The user's name, where it says something: not for the owner at their own machine.
  get shownUser() {
    const atHome = ["127.0.0.1", "localhost", "[::1]"].includes(location.hostname) && this.session.role === "owner";
    return atHome ? "" : this.session.user || "";
  }

  logOut() {
    this.link.logOut();
    this._reset("");
  }

  // Another user comes, or nobody: what was the last one's is gone.
  _reset(user) {
    this._user = user;
    this._fresh = false;
    this._place = {};
    for (const what of [this.unread, this._sent, this._settling, this._stopping, this._grown]) what.clear();
    this._show("", null);
    if (this.can.store) sessionStorage.removeItem(PLACE);
    this._emit("user");
    this._mark("personas", "conversations", "messages");
  }

  // what is shown

  get state() {
    return this.session.state;
  }

  get persona() {
    return this.timeline.personas.get(this.personaId) || null;
  }

  // Whether one can say something here; what was said with a persona no longer shared can be read.
  get canChat() {
    return !this.persona || canChat(this.persona);
  }

  get conversation() {
    return this.timeline.conversations.get(this.conversationId) || null;
  }

  get isKnown() {
    return this.timeline.personasKnown && this.timeline.conversationsKnown;
  }

  // All personas, the one spoken with last first, then by age.
  personas() {
    const latest = new Map();
    for (const c of this.timeline.conversations.values()) {
      const stamp = c.update_time || c.create_time;
      if (stamp > (latest.get(c.persona_id) || "")) latest.set(c.persona_id, stamp);
    }
    const stamp = (p) => latest.get(p.id) || "";
    return [...this.timeline.personas.values()].sort((a, b) => (stamp(a) < stamp(b) ? 1 : stamp(a) > stamp(b) ? -1 : 0));
  }

  conversations() {
    return this.timeline.conversationsWith(this.personaId);
  }

  unreadWith(personaId) {
    let count = 0;
    for (const [id, n] of this.unread) if (this.timeline.conversations.get(id)?.persona_id === personaId) count += n;
    return count;
  }

  isLoaded() {
    return this.conversationId === null || this.timeline.isLoaded(this.conversationId);
  }

  hasOlder() {
    return this.conversationId !== null && Boolean(this.timeline.older.get(this.conversationId));
  }

  messages() {
    return this.conversationId === null ? [] : this.timeline.messages(this.conversationId);
  }

  // Own words in the shown conversation that are on their way or were refused.
  drafts() {
    const here = new Set(this.messages().map((m) => m.request_id).filter(Boolean));
    const found = [];
    for (const [requestId, chat] of this._settling) {
      if (chat.conversation_id === this.conversationId && !here.has(requestId)) {
        found.push({ requestId, content: chat.content, state: "sending", failure: null });
      }
    }
    for (const { command, failure } of this._pendingHere()) {
      if (here.has(command.request_id)) continue;
      const waits = failure?.code === "busy";
      const state = waits ? "queued" : failure ? "failed" : this.state === "live" ? "sending" : "waiting";
      found.push({ requestId: command.request_id, content: command.content, state, failure: waits ? null : failure });
    }
    return found;
  }

  running() {
    return this.conversationId === null ? null : this.timeline.running(this.conversationId);
  }

  _pendingHere() {
    const pending = this.session.pendingChats(this.personaId, this.conversationId);
    if (this.conversationId !== null && this.conversations()[0]?.id === this.conversationId) {
      pending.push(...this.session.pendingChats(this.personaId, null)); // said before the conversation had a number
    }
    return pending;
  }

  // choosing

  selectPersona(personaId) {
    if (personaId === this.personaId) return;
    this._fresh = false;
    this._show(personaId, this.timeline.conversationsWith(personaId)[0]?.id ?? null);
  }

  // Show a conversation of the shown persona; null: a new one, which the first message makes.
  selectConversation(conversationId) {
    this._fresh = conversationId === null;
    if (conversationId !== this.conversationId) this._show(this.personaId, conversationId);
  }

  // `began`: the conversation on the screen only got its number.
  _show(personaId, conversationId, began = false) {
    if (this.conversationId !== null && this.conversationId !== conversationId) {
      this.session.leaveConversation(this.conversationId);
    }
    this.personaId = personaId;
    this.conversationId = conversationId;
    this.loadingOlder = false;
    this._seen = this.timeline.conversations.has(conversationId);
    if (conversationId !== null) {
      this.unread.delete(conversationId);
      this.session.openConversation(conversationId);
    }
    if (this.can.store) sessionStorage.setItem(PLACE, JSON.stringify({ persona: personaId, conversation: conversationId }));
    this.link.flush();
    this._emit("selected", began);
  }

  // verbs

  post(content) {
    const first = this.session.pendingChats(this.personaId, null).every((pending) => pending.failure);
    const fresh = this.conversationId === null && first;
    const { personaId, conversationId } = this;
    const requestId = this.session.post(content.toWellFormed?.() ?? content, { personaId, conversationId, fresh });
    this._sent.set(requestId, this.session.outbox.get(requestId).command);
    this.link.flush();
    this._mark("messages");
    return requestId;
  }

  retry(requestId) {
    if (!this.session.outbox.has(requestId)) return;
    this.session.retry(requestId);
    this.link.flush();
    this._mark("messages");
  }

  // Give up refused words -> the words, for the composer.
  discard(requestId) {
    const command = this.session.discard(requestId);
    this._sent.delete(requestId);
    this._mark("messages");
    return command?.content || "";
  }

  // End the running answer of the shown conversation; false if none runs.
  stop() {
    const running = this.running();
    if (!running) return false;
    if (!this._stopping.has(running.id)) {
      this._stopping.add(running.id);
      this.request({ type: "chat_stop", conversation_id: running.conversation_id, answer_id: running.id });
    }
    return true;
  }

  regenerate() {
    if (this.conversationId !== null && !this.running()) {
      this.request({ type: "chat_regenerate", conversation_id: this.conversationId });
    }
  }

  // Have the last answer, which broke off or was stopped, finished where it ended.
  goOn() {
    const unfinished = this.conversationId === null ? null : this.timeline.unfinished(this.conversationId);
    if (unfinished) this.request({ type: "chat_continue", conversation_id: this.conversationId, answer_id: unfinished.id });
  }

  // As which a running answer waits to be written: 1 is the next; 0 if it does not wait.
  placeInLine(message) {
    return this.timeline.queued.get(message.id) ?? 0;
  }

  loadOlder() {
    if (this.conversationId === null || this.loadingOlder) return false;
    this.loadingOlder = this.session.loadOlder(this.conversationId, OLDER_PAGE);
    this.link.flush();
    return this.loadingOlder;
  }

  savePersona(personaId, config) {
    return this.request(
      personaId
        ? { type: "persona_update", persona_id: personaId, persona_config: config }
        : { type: "persona_create", persona_config: config },
    );
  }

  deletePersona(personaId) {
    return this.request({ type: "persona_delete", persona_id: personaId });
  }

  renameConversation(conversationId, title) {
    return this.request({ type: "conversation_rename", conversation_id: conversationId, title });
  }

  deleteConversation(conversationId) {
    return this.request({ type: "conversation_delete", conversation_id: conversationId });
  }

  request(command) {
    const requestId = this.session.request(command);
    this._sent.set(requestId, command);
    this.link.flush();
    return requestId;
  }

  // what comes in

  _received(frame, changes) {
    switch (frame.type) {
      case "welcome":
        if (this._user && this._user !== this.session.user) this._reset(this.session.user);
        this._user = this.session.user;
        this._resendQueued();
        this._stopping.clear();
        if (!frame.recovered) {
          this._settling.clear();
          this._mark("personas", "conversations", "messages");
        }
        break;
      case "error":
        this._errored(frame);
        break;
      case "ack":
        this._acked(frame);
        break;
      case "history_response":
        if (frame.conversation_id === this.conversationId) this.loadingOlder = false;
        break;
      case "message_done":
        this._done(frame.message);
        break;
    }
    for (const { kind, key } of changes) {
      if (kind === "live") {
        this._grown.add(key);
        this._flush ||= setTimeout(() => this._tellLive(), FLUSH_MS);
      } else if (kind === "message" || (kind === "messages" && key === this.conversationId)) {
        this._mark("messages");
      } else if (kind === "personas" || kind === "conversations") {
        this._mark(kind);
      }
    }
  }

  _done(message) {
    this._stopping.delete(message.id);
    this._resendQueued(message.conversation_id);
    if (message.conversation_id === this.conversationId) {
      this._emit("answered", message);
    } else if (message.sender_type === 1) {
      this.unread.set(message.conversation_id, (this.unread.get(message.conversation_id) || 0) + 1);
      this._mark("personas", "conversations");
    }
  }

  _acked(ack) {
    const command = this._sent.get(ack.request_id);
    this._sent.delete(ack.request_id);
    if (command?.type === "chat" && ack.conversation_id) {
      this._settling.set(ack.request_id, { ...command, conversation_id: ack.conversation_id });
      if (this.conversationId === null && command.persona_id === this.personaId) {
        this._show(this.personaId, ack.conversation_id, true);
      }
      this._mark("messages");
    }
    this._emit("acknowledged", ack.request_id, ack);
  }

  _errored(error) {
    this.loadingOlder = false;
    const pending = this.session.outbox.get(error.request_id);
    if (!pending) {
      if (!["unauthorized", "not_found", "shutting_down"].includes(error.code)) this._emit("notice", error);
    } else if (pending.failure && pending.command.type === "chat") {
      const { conversation_id, content } = pending.command;
      if (conversation_id && !this.timeline.conversations.has(conversation_id)) { // deleted meanwhile: no row can show it
        this.discard(error.request_id);
        this._emit("returned", content, pending.failure);
      }
      this._mark("messages");
    } else if (pending.failure) { // without one the next connection sends it again
      this.session.discard(error.request_id);
      this._sent.delete(error.request_id);
      this._emit("refused", error.request_id, pending.failure);
      if (!["persona_create", "persona_update", "chat_stop"].includes(pending.command.type)) this._emit("notice", pending.failure);
    }
  }

  // Words that came while an answer was being written go out when it ends.
  _resendQueued(conversationId = null) {
    for (const [requestId, { command, failure }] of [...this.session.outbox]) {
      const here = conversationId === null || !command.conversation_id || command.conversation_id === conversationId;
      if (command.type === "chat" && failure?.code === "busy" && here) {
        this.session.retry(requestId);
        this._mark("messages");
      }
    }
    this.link.flush();
  }

  _linkChanged() {
    if (this.state !== "live") this.loadingOlder = false;
    if (this.session.outbox.size) this._mark("messages");
    this._emit("link");
  }

  // telling the screens

  _mark(...kinds) {
    kinds.forEach((kind) => this._stale.add(kind));
    this._gather ||= setTimeout(() => this._tell(), 0);
  }

  _tell() {
    this._gather = 0;
    const stale = this._stale;
    this._stale = new Set();
    if (stale.has("personas") || stale.has("conversations")) {
      this._keepSelectionValid();
      this._emit("personas");
      this._emit("conversations");
    }
    if (stale.has("messages")) {
      const here = new Set(this.messages().map((m) => m.request_id));
      for (const requestId of [...this._settling.keys()]) if (here.has(requestId)) this._settling.delete(requestId);
      this._emit("messages");
    }
  }

  _tellLive() {
    const grown = this._grown;
    this._grown = new Set();
    const began = performance.now();
    for (const messageId of grown) this._emit("live", messageId);
    const took = performance.now() - began;
    // A text that takes long to draw is drawn less often.
    this._flush = setTimeout(() => {
      this._flush = 0;
      if (this._grown.size) this._tellLive();
    }, Math.max(FLUSH_MS, 4 * took));
  }

  _keepSelectionValid() {
    const { timeline } = this;
    if (!this.isKnown) return;
    if (!this.persona) {
      const place = this._place;
      this._place = {};
      const first = timeline.personas.has(place.persona) ? place.persona : this.personas()[0]?.id || "";
      const conversations = timeline.conversationsWith(first);
      const known = conversations.find((c) => c.id === place.conversation);
      this._fresh = first === place.persona && place.conversation === null;
      this._show(first, this._fresh ? null : (known ?? conversations[0])?.id ?? null);
      return;
    }
    if (this.conversation) {
      this._seen = true;
      return;
    }
    const gone = this.conversationId !== null && this._seen;
    const waiting = this.conversationId === null && !this._fresh && !this.drafts().length;
    const newest = this.conversations()[0];
    if (gone || (waiting && newest)) this._show(this.personaId, newest?.id ?? null);
  }
}
