// Folds events into what the page shows: the same rules as aichat/protocol/timeline.py, on plain JSON objects.
//
// Every value carries the `seq` of its last change, so whatever order replies and events arrive in, the newer state
// stays. `apply` gives the changes to draw: {kind, key} with kind personas | conversations | messages | message |
// live | gap | missing, as there.

import { afterCodePoints, codePoints } from "./text.js";
import { Tree } from "./tree.js";

const change = (kind, key = null) => ({ kind, key });
const asPersona = (p) => ({ prompt: "", create_time: "", model: "", greeting: "", starters: [], shared: false, owner: "", seq: 0, ...p });
const asConversation = (c) => ({ persona_id: "", update_time: "", touched: 0, leaf_id: 0, seq: 0, ...c });
const asMessage = (m) => ({
  id: 0, conversation_id: 0, status: "done", reasoning: "", reasoning_ms: 0, model: "", failure: null,
  request_id: "", seams: [], parent_id: 0, seq: 0, ...m,
});

// Whether chat_continue can go on with a message: an answer of which some came, and not all.
export const canContinue = (m) => m.sender_type === 1 && ["interrupted", "stopped"].includes(m.status) && m.content !== "";

// Whether one can chat with a persona: not with one of another user who no longer shares it.
export const canChat = (p) => p.shared || !p.owner;

// One text that grows by deltas whose offsets count code points, not UTF-16 units.
class Growing {
  constructor(text = "") {
    this.text = text;
    this.length = codePoints(text);
  }

  add(offset, piece) {
    if (!piece) return;
    const fresh = afterCodePoints(piece, this.length - offset);
    this.text += fresh;
    this.length += codePoints(fresh);
  }
}

class LiveText {
  constructor(content = "", reasoning = "") {
    this.content = new Growing(content);
    this.reasoning = new Growing(reasoning);
  }

  // What is known already is skipped. False if text in between is missing.
  grow({ offset = 0, content = "", reasoning_offset = 0, reasoning = "" }) {
    if (offset > this.content.length || reasoning_offset > this.reasoning.length) return false;
    this.content.add(offset, content);
    this.reasoning.add(reasoning_offset, reasoning);
    return true;
  }
}

export class Timeline {
  constructor() {
    this.clear();
  }

  clear() {
    this.personas = new Map();
    this.conversations = new Map();
    this.live = new Map();
    this.queued = new Map(); // message id -> which place in the queue a running answer has; none once it is being written
    this.older = new Map(); // conversation id -> whether older messages exist than those loaded; a key means: loaded
    this.personasKnown = false;
    this.conversationsKnown = false;
    this._trees = new Map();
    this._gone = new Map(); // what was deleted -> the seq of that: what comes back has a higher one
  }

  apply(frame) {
    switch (frame.type) {
      case "persona_list": // deletions come as events: the list may be older than one of them
        frame.personas.forEach((p) => this._savePersona(asPersona(p)));
        this.personasKnown = true;
        return [change("personas")];
      case "persona_saved":
        this._savePersona(asPersona(frame.persona));
        return [change("personas", frame.persona.id)];
      case "persona_deleted":
        return this._deletePersona(frame.persona_id, frame.seq);
      case "conversation_list":
        frame.conversations.forEach((c) => this._saveConversation(asConversation(c)));
        this.conversationsKnown = true;
        return [change("conversations")];
      case "conversation_saved":
        return this._conversationSaved(asConversation(frame.conversation));
      case "conversation_deleted":
        return this._deleteConversation(frame.conversation_id, frame.seq);
      case "history_response":
        return this._applyHistory(frame);
      case "message_added":
      case "message_done":
        return this._applyMessage(asMessage(frame.message));
      case "message_deleted":
        return this._deleteMessage(frame);
      case "message_delta":
        return this._applyDelta(frame);
      case "message_snapshot":
        if (!this._isFinal(frame.conversation_id, frame.message_id)) {
          this.live.set(frame.message_id, new LiveText(frame.content, frame.reasoning));
          this.queued.delete(frame.message_id); // the place follows, if it waits still
        }
        return [change("live", frame.message_id)];
      case "message_queued":
        return this._applyPlace(frame);
      default:
        return [];
    }
  }

  isLoaded(conversationId) {
    return this.older.has(conversationId);
  }

  // The shown messages of a loaded conversation, oldest first; running ones carry their live text.
  messages(conversationId) {
    if (!this.older.has(conversationId)) return [];
    const tree = this._trees.get(conversationId);
    return tree.path.map((id) => this.shown(tree.messages.get(id)));
  }

  // The ids of all messages that stand where this one does, itself among them, in order: for a switcher "2 / 3".
  siblings(conversationId, messageId) {
    return this._trees.get(conversationId)?.siblings(messageId) ?? [messageId];
  }

  message(conversationId, messageId) {
    const message = this._known(conversationId, messageId);
    return message ? this.shown(message) : null;
  }

  shown(message) {
    const live = this.live.get(message.id);
    if (!live || message.status !== "running") return message;
    return { ...message, content: live.content.text, reasoning: live.reasoning.text };
  }

  running(conversationId) {
    return (this._trees.has(conversationId) && this.messages(conversationId).findLast((m) => m.status === "running")) || null;
  }

  // The last answer of a conversation, if chat_continue can go on with it.
  unfinished(conversationId) {
    const last = this.messages(conversationId).at(-1);
    return last && canContinue(last) ? last : null;
  }

  // The conversations with one persona, the one spoken in last first.
  conversationsWith(personaId) {
    const mine = [...this.conversations.values()].filter((c) => c.persona_id === personaId);
    return mine.sort((a, b) => b.touched - a.touched || b.id - a.id);
  }

  _savePersona(persona) {
    const known = this.personas.get(persona.id);
    const gone = this._gone.get(`persona ${persona.id}`) ?? -1;
    if (gone < persona.seq && (!known || known.seq <= persona.seq)) this.personas.set(persona.id, persona);
  }

  _deletePersona(personaId, seq) {
    this._gone.set(`persona ${personaId}`, seq);
    this.personas.delete(personaId);
    const gone = this.conversationsWith(personaId).flatMap((c) => this._deleteConversation(c.id, seq));
    return [change("personas", personaId), ...gone];
  }

  _conversationSaved(made) {
    const isNewest = made.id > Math.max(0, ...this.conversations.keys());
    if (this.conversationsKnown && made.touched === made.seq && isNewest) {
      this._load(made.id, false); // made just now: its messages follow
      this._tree(made.id).begin();
    }
    const tree = this._trees.get(made.id);
    const before = tree?.leafId;
    const whole = this._saveConversation(made);
    const changes = [change("conversations", made.id)];
    if (tree && tree.leafId !== before && this.isLoaded(made.id)) {
      this._lookUp(made.id);
      changes.push(change("messages", made.id), ...(whole ? [] : [change("missing", made.id)]));
    }
    return changes;
  }

  // -> false if what it shows now has to be loaded.
  _saveConversation(conversation) {
    const known = this.conversations.get(conversation.id);
    const gone = this._gone.get(`conversation ${conversation.id}`) ?? -1;
    if (gone >= conversation.seq || (known && known.seq > conversation.seq)) return true;
    this._gone.delete(`conversation ${conversation.id}`); // it was brought back
    this.conversations.set(conversation.id, conversation);
    const tree = this._trees.get(conversation.id);
    if (!tree || tree.leafId === conversation.leaf_id) return true;
    const follows = conversation.touched === conversation.seq; // then it is about what was said just now
    return tree.show(conversation.leaf_id) && (tree.knowsLeaf || follows);
  }

  _deleteConversation(conversationId, seq) {
    if ((this.conversations.get(conversationId)?.seq ?? 0) > seq) return []; // it was brought back since
    this._gone.set(`conversation ${conversationId}`, Math.max(seq, this._gone.get(`conversation ${conversationId}`) ?? 0));
    this.conversations.delete(conversationId);
    this.older.delete(conversationId);
    for (const messageId of this._trees.get(conversationId)?.messages.keys() ?? []) this._settle(messageId);
    this._trees.delete(conversationId);
    return [change("conversations", conversationId), change("messages", conversationId)];
  }

  // One and all below it.
  _deleteMessage({ conversation_id: id, message_id: messageId, seq }) {
    for (const gone of this._tree(id).delete(messageId)) {
      this._gone.set(`message ${gone}`, seq);
      this._settle(gone);
    }
    this._lookUp(id);
    return [change("messages", id)];
  }

  _load(conversationId, more) {
    this.older.set(conversationId, more);
    this._tree(conversationId);
  }

  _tree(conversationId) {
    let tree = this._trees.get(conversationId);
    if (!tree) {
      tree = new Tree(this.conversations.get(conversationId)?.leaf_id ?? 0);
      this._trees.set(conversationId, tree);
    }
    return tree;
  }

  _known(conversationId, messageId) {
    return this._trees.get(conversationId)?.messages.get(messageId);
  }

  // Whether older messages exist than those shown.
  _lookUp(conversationId) {
    const reachesTop = this._tree(conversationId).reachesTop;
    if (reachesTop !== null && this.older.has(conversationId)) this.older.set(conversationId, !reachesTop);
  }

  _applyHistory(frame) {
    frame.conversations.forEach((c) => this._saveConversation(asConversation(c)));
    const changes = [change("conversations")];
    const id = frame.conversation_id || 0;
    if (id && !this._gone.has(`conversation ${id}`)) {
      const messages = frame.messages.map(asMessage);
      const tree = this._tree(id);
      const reachesBack = !tree.path.length || !messages.length || messages[0].id < tree.path[0];
      if (reachesBack || !this.older.has(id)) this._load(id, frame.more ?? false);
      messages.forEach((message) => this._saveMessage(message, true));
      const there = (sibling) => !this._gone.has(`message ${sibling}`);
      (frame.siblings ?? []).forEach((siblings) => tree.addSiblings(siblings.filter(there)));
      this._lookUp(id);
      changes.push(change("messages", id));
      if (!tree.knowsLeaf) changes.push(change("missing", id)); // the page was read before another branch was chosen
    }
    return changes;
  }

  _applyMessage(message) {
    const id = message.conversation_id;
    const known = this._known(id, message.id);
    const whole = this._saveMessage(message); // of one not loaded too: a page under way may be older than this
    if (!this.isLoaded(id)) return [];
    this._lookUp(id);
    return [known ? change("message", message.id) : change("messages", id), ...(whole ? [] : [change("missing", id)])];
  }

  // -> false if what comes to be shown by it has to be loaded.
  _saveMessage(message, inPage = false) {
    const known = this._known(message.conversation_id, message.id);
    if (this._gone.has(`message ${message.id}`) || (known && known.seq > message.seq)) return true;
    const whole = this._tree(message.conversation_id).save(message, inPage);
    if (message.status !== "running") {
      this._settle(message.id);
    } else if (!this.live.has(message.id) || (known && known.seq < message.seq)) {
      this.live.set(message.id, new LiveText(message.content, message.reasoning)); // it grows on from what is stored
    }
    return whole;
  }

  // An answer no longer runs.
  _settle(messageId) {
    this.live.delete(messageId);
    this.queued.delete(messageId);
  }

  _applyPlace(frame) {
    if (this._isFinal(frame.conversation_id, frame.message_id)) return [];
    if (frame.position) this.queued.set(frame.message_id, frame.position);
    else this.queued.delete(frame.message_id);
    return [change("message", frame.message_id)];
  }

  _applyDelta(delta) {
    if (this._isFinal(delta.conversation_id, delta.message_id)) return [];
    this.queued.delete(delta.message_id);
    let live = this.live.get(delta.message_id);
    if (!live) this.live.set(delta.message_id, (live = new LiveText()));
    return [live.grow(delta) ? change("live", delta.message_id) : change("gap", delta.conversation_id)];
  }

  _isFinal(conversationId, messageId) {
    const known = this._known(conversationId, messageId);
    return Boolean(known && known.status !== "running") || this._gone.has(`message ${messageId}`);
  }
}
