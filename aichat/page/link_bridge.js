// The link of the bridge's test page: stateless HTTP. Conversations live in this page's memory only.
//
// It tells the page the same frames as the service would, so the screens are the same: personas come from
// GET /test/api/personas, an answer from POST /test/api/chat as server-sent events, Stop aborts the request.

import { pendingChats } from "./session.js";
import { codePoints, newId, nowUtc, oneLine } from "./text.js";
import { Timeline } from "./timeline.js";

const TOKEN = "aichat.bridge-secret";
const RETRY_FIRST = 0.5;
const RETRY_MOST = 30;

export class BridgeLink {
  can = { personas: false, store: false };

  constructor(root) {
    this.root = root;
    this.onFrame = () => {};
    this.onState = () => {};
    this.connecting = false;
    this.session = new BridgeSession(this, sessionStorage.getItem(TOKEN) || "");
    this._tries = 0;
    this._retry = 0;
    this._retryAt = 0;
  }

  start() {
    this.tryNow();
    const wake = () => !document.hidden && this.session.state !== "refused" && this.tryNow();
    addEventListener("online", wake);
    document.addEventListener("visibilitychange", wake); // a persona made elsewhere
  }

  async tryNow() {
    if (this.connecting) return;
    clearTimeout(this._retry);
    this._retryAt = 0;
    this.connecting = true;
    this.onState();
    try {
      const answer = await fetch(`${this.root}/api/personas`, { headers: this.headers() });
      const body = await answer.json();
      if (!answer.ok) throw body.error;
      this._tries = 0;
      this.connecting = false;
      this.session.loaded(body.personas);
    } catch (error) {
      this.connecting = false;
      if (error.code === "unauthorized") this.session.refused(error.message);
      else this.lost();
    }
    this.onState();
  }

  lost() {
    this.session.state = "offline";
    const seconds = Math.min(RETRY_MOST, RETRY_FIRST * 2 ** this._tries++) * (0.5 + 0.5 * Math.random());
    clearTimeout(this._retry);
    this._retryAt = Date.now() + seconds * 1000;
    this._retry = setTimeout(() => this.tryNow(), seconds * 1000);
    this.onState();
  }

  useToken(token) {
    this.session.token = token;
    if (token) sessionStorage.setItem(TOKEN, token);
    else sessionStorage.removeItem(TOKEN);
    this.session.state = "offline";
    this.tryNow();
  }

  headers(more = {}) {
    return this.session.token ? { ...more, Authorization: `Bearer ${this.session.token}` } : more;
  }

  flush() {}

  get secondsLeft() {
    return this._retryAt ? Math.max(1, Math.ceil((this._retryAt - Date.now()) / 1000)) : 0;
  }
}

class BridgeSession {
  constructor(link, token) {
    this.timeline = new Timeline();
    this.state = "offline";
    this.token = token;
    this.server = "";
    this.refusal = "";
    this.outbox = new Map();
    this._link = link;
    this._seq = 0;
    this._ids = 0;
    this._running = new Map(); // conversation id -> AbortController
  }

  loaded(personas) {
    const first = !this.timeline.personasKnown;
    const known = new Set(personas.map((p) => p.id));
    for (const id of [...this.timeline.personas.keys()]) {
      if (!known.has(id)) this._tell({ type: "persona_deleted", seq: ++this._seq, persona_id: id });
    }
    this.state = "live";
    this._tell({ type: "persona_list", personas: personas.map((p) => ({ ...p, seq: ++this._seq })) });
    if (first) this._tell({ type: "conversation_list", conversations: [] });
    for (const { command, failure } of [...this.outbox.values()]) if (!failure) this._do(command);
  }

  refused(message) {
    this.state = "refused";
    this.refusal = message;
  }

  post(content, { personaId, conversationId = null, fresh = false }) {
    return this.request({
      type: "chat", content, persona_id: personaId,
      ...(conversationId === null ? {} : { conversation_id: conversationId }),
      ...(fresh ? { new_conversation: true } : {}),
    });
  }

  request(command) {
    const requestId = newId();
    const pending = { command: { ...command, request_id: requestId }, failure: null };
    this.outbox.set(requestId, pending);
    if (this.state === "live") queueMicrotask(() => this._do(pending.command));
    return requestId;
  }

  retry(requestId) {
    const pending = this.outbox.get(requestId);
    pending.failure = null;
    if (this.state === "live") queueMicrotask(() => this._do(pending.command));
  }

  discard(requestId) {
    const pending = this.outbox.get(requestId);
    this.outbox.delete(requestId);
    return pending ? pending.command : null;
  }

  pendingChats(personaId, conversationId) {
    return pendingChats(this.outbox, personaId, conversationId);
  }

  openConversation() {}
  leaveConversation() {}
  loadOlder() {
    return false;
  }

  _tell(frame) {
    this._link.onFrame(frame, this.timeline.apply(frame));
  }

  _ack(command, more) {
    this.outbox.delete(command.request_id);
    this._tell({ type: "ack", request_id: command.request_id, ...more });
  }

  _refuse(command, code, message, retryable) {
    const pending = this.outbox.get(command.request_id);
    if (pending) pending.failure = { code, message, retryable };
    this._tell({ type: "error", code, message, retryable, request_id: command.request_id });
  }

  _do(command) {
    if (!this.outbox.has(command.request_id)) return;
    const id = command.conversation_id;
    switch (command.type) {
      case "chat":
        return this._chat(command);
      case "chat_stop":
        if (this.timeline.running(id)?.id === command.answer_id) this._running.get(id)?.abort();
        return this._ack(command, { conversation_id: id });
      case "chat_regenerate":
        return this._regenerate(command);
      case "conversation_rename":
        this._ack(command, { conversation_id: id });
        return this._save({ ...this.timeline.conversations.get(id), title: command.title });
      case "conversation_delete":
        this._running.get(id)?.abort();
        this._ack(command, { conversation_id: id });
        return this._tell({ type: "conversation_deleted", seq: ++this._seq, conversation_id: id });
      default:
        return this._refuse(command, "unknown_type", "The bridge's test page cannot do this.", false);
    }
  }

  _save(conversation) {
    this._tell({ type: "conversation_saved", conversation: { ...conversation, seq: ++this._seq } });
  }

  _chat(command) {
    const newest = this.timeline.conversationsWith(command.persona_id)[0];
    const known = command.new_conversation ? null : this.timeline.conversations.get(command.conversation_id) ?? newest;
    if (known && this._running.has(known.id)) {
      return this._refuse(command, "busy", "An answer is already being written in this conversation.", true);
    }
    const now = nowUtc();
    const conversation = known ?? {
      id: ++this._ids, title: [...oneLine(command.content)].slice(0, 40).join(""), create_time: now, persona_id: command.persona_id,
    };
    const question = {
      id: ++this._ids, conversation_id: conversation.id, sender_type: 0, content: command.content, send_time: now,
      request_id: command.request_id,
    };
    this._ack(command, { persona_id: command.persona_id, conversation_id: conversation.id, message_id: question.id });
    this._save({ ...conversation, update_time: now, touched: this._seq + 1 });
    this._tell({ type: "message_added", message: { ...question, seq: ++this._seq } });
    return this._answer(conversation);
  }

  _regenerate(command) {
    const conversation = this.timeline.conversations.get(command.conversation_id);
    const last = this.timeline.messages(command.conversation_id).at(-1);
    if (!last || this._running.has(conversation.id)) {
      return this._refuse(command, "busy", "An answer is already being written in this conversation.", true);
    }
    this._ack(command, { conversation_id: conversation.id });
    if (last.sender_type === 1) {
      this._tell({ type: "message_deleted", seq: ++this._seq, conversation_id: conversation.id, message_id: last.id });
    }
    return this._answer(conversation);
  }

  async _answer(conversation) {
    const answer = {
      id: ++this._ids, conversation_id: conversation.id, sender_type: 1, content: "", send_time: nowUtc(), status: "running",
    };
    const said = this.timeline.messages(conversation.id).filter((m) => m.content);
    const abort = new AbortController();
    this._running.set(conversation.id, abort);
    this._tell({ type: "message_added", message: { ...answer, seq: ++this._seq } });
    const text = { content: "", reasoning: "", thoughtSince: 0, reasoning_ms: 0 };
    let ending;
    try {
      const body = { persona_id: conversation.persona_id, messages: asPrompt(said), stream: true };
      const finish = await this._read(body, abort.signal, (delta) => this._grow(answer, text, delta));
      ending = { status: "done", model: finish.model ?? "" };
    } catch (error) {
      ending = abort.signal.aborted ? { status: "stopped" } : this._broken(error, text);
    }
    this._running.delete(conversation.id);
    const { content, reasoning, reasoning_ms } = text;
    this._tell({ type: "message_done", message: { ...answer, content, reasoning, reasoning_ms, ...ending, seq: ++this._seq } });
  }

  _grow(answer, text, { content = "", reasoning = "" }) {
    if (reasoning && !text.thoughtSince) text.thoughtSince = performance.now();
    if (reasoning) text.reasoning_ms = Math.max(1, Math.round(performance.now() - text.thoughtSince));
    this._tell({
      type: "message_delta", conversation_id: answer.conversation_id, message_id: answer.id,
      offset: codePoints(text.content), content, reasoning_offset: codePoints(text.reasoning), reasoning,
    });
    text.content += content;
    text.reasoning += reasoning;
  }

  _broken(error, text) {
    if (error.code === "unauthorized") {
      this.refused(error.message);
      this._link.onState();
    } else if (!error.code) {
      this._link.lost();
    }
    const failure = error.code
      ? { code: error.code, message: error.message, retryable: Boolean(error.retryable) }
      : { code: "bridge_unreachable", message: "The AI bridge could not be reached.", retryable: true };
    return { status: text.content ? "interrupted" : "failed", failure };
  }

  // Read one answer's events -> its finish. Throws the bridge's error object, or the browser's own error.
  async _read(body, signal, onDelta) {
    const headers = this._link.headers({ "Content-Type": "application/json" });
    const answer = await fetch(`${this._link.root}/api/chat`, { method: "POST", headers, body: JSON.stringify(body), signal });
    if (!answer.ok) throw (await answer.json()).error;
    const reader = answer.body.getReader();
    const decoder = new TextDecoder();
    let waiting = "";
    for (;;) {
      const { done, value } = await reader.read();
      if (done) throw { code: "upstream_interrupted", message: "The answer broke off before its end.", retryable: true };
      waiting += decoder.decode(value, { stream: true });
      const events = waiting.split("\n\n");
      waiting = events.pop();
      for (const event of events) {
        const data = event.split("\n").filter((line) => line.startsWith("data:")).map((line) => line.slice(5).trimStart()).join("\n");
        if (!data) continue;
        const said = JSON.parse(data);
        if (said.error) throw said.error;
        if (said.finish) return said.finish;
        onDelta(said);
      }
    }
  }
}

// What the model reads. A question whose answer failed and the next one go as one message, as the service does it.
function asPrompt(messages) {
  const prompt = [];
  for (const { sender_type, content } of messages) {
    const role = sender_type === 0 ? "user" : "assistant";
    if (prompt.at(-1)?.role === role) prompt.at(-1).content += `\n\n${content}`;
    else prompt.push({ role, content });
  }
  return prompt;
}
