// What a client knows of one conversation's tree of messages, and the chain of it that is shown: the same rules as
// aichat/protocol/tree.py. A message stands below its parent, whose id is less than its own. Where no leaf is named and
// no message has a parent (the bridge's own page), all messages are shown.

export class Tree {
  constructor(leafId = 0) {
    this.messages = new Map();
    this.path = []; // the ids of what is shown, as far as it is known, oldest first
    this.leafId = leafId;
    this._children = new Map(); // parent -> the ids below it, in order; those known by their id only are among them
    this._parents = new Map(); // the same the other way round
    this._alone = new Set(); // what came without its parent, and not in a page: who stands beside it was not told
    this._topIsKnown = false; // whether all that stand at the beginning are known
  }

  // Whether what is to be shown is here; as long as it is not, the chain before it stays.
  get knowsLeaf() {
    return !this.leafId || this.messages.has(this.leafId);
  }

  // Whether the first message that is shown is the first there is; null: that cannot be told from here.
  get reachesTop() {
    if (!this.leafId) return this.path.length ? null : true;
    return this.path.length ? !this.messages.get(this.path[0]).parent_id : null;
  }

  // The ids of all that stand below the same message, this one among them, oldest first.
  siblings(messageId) {
    return [...(this._children.get(this._parents.get(messageId)) ?? [messageId])];
  }

  // The conversation is new: all of it will be told.
  begin() {
    this._topIsKnown = true;
  }

  // Take in a message, or its newer state; of one in a page the siblings are told too -> as `show`.
  save(message, inPage = false) {
    const isNew = !this.messages.has(message.id);
    this.messages.set(message.id, message);
    if (inPage) {
      this._alone.delete(message.id);
      this._topIsKnown ||= !message.parent_id;
    } else if (isNew && !this._isKnown(message.parent_id)) {
      this._alone.add(message.id);
    }
    if (isNew) this._addChild(message.parent_id, message.id);
    return !(isNew || inPage) || this._climb();
  }

  // Take in ids of messages that stand below the same one; one of them must be known.
  addSiblings(siblings) {
    const known = siblings.find((id) => this._parents.has(id));
    if (known) siblings.forEach((id) => this._addChild(this._parents.get(known), id));
  }

  // Show the chain that ends in a leaf, as soon as that one is known -> false if the chain is another one than before,
  // and where it leaves that one is not known: it must be loaded.
  show(leafId) {
    this.leafId = leafId;
    if (!leafId) this._topIsKnown = true; // nothing is left
    return this._climb();
  }

  // Cut a message off -> its id and those of all known ones below it.
  delete(messageId) {
    const gone = [];
    const parents = [messageId];
    const beside = this._children.get(this._parents.get(messageId));
    if (beside) beside.splice(beside.indexOf(messageId), 1);
    while (parents.length) {
      const id = parents.pop();
      gone.push(id);
      this.messages.delete(id);
      this._parents.delete(id);
      parents.push(...(this._children.get(id) ?? []));
      this._children.delete(id);
    }
    this.path = this.path.filter((id) => this.messages.has(id));
    this._climb();
    return gone;
  }

  _addChild(parentId, messageId) {
    if (this._parents.has(messageId)) return;
    const below = this._children.get(parentId) ?? [];
    this._children.set(parentId, below);
    this._parents.set(messageId, parentId);
    below.push(messageId);
    if (below.at(-2) > messageId) below.sort((a, b) => a - b);
  }

  // Go up from the leaf, as far as messages are known or until where the shown chain goes on.
  _climb() {
    if (!this.leafId) {
      const isFlat = [...this._children.keys()].every((id) => id === 0);
      this.path = isFlat ? [...(this._children.get(0) ?? [])] : [];
      return true;
    }
    if (!this.messages.has(this.leafId)) return true;
    const fresh = [];
    let id = this.leafId;
    while (this.messages.has(id)) {
      const at = this.path.lastIndexOf(id);
      if (at >= 0) {
        this.path.length = at + 1;
        this.path.push(...fresh.reverse());
        return this._reachUp();
      }
      fresh.push(id);
      id = this.messages.get(id).parent_id;
    }
    this.path = fresh.reverse();
    this._leaveAlone();
    return this._isKnown(id);
  }

  // Older messages may have come.
  _reachUp() {
    const older = [];
    for (let id = this.messages.get(this.path[0]).parent_id; this.messages.has(id); id = this.messages.get(id).parent_id) {
      older.push(id);
    }
    this.path.unshift(...older.reverse());
    this._leaveAlone();
    return true;
  }

  _isKnown(messageId) {
    return messageId ? this.messages.has(messageId) : this._topIsKnown;
  }

  // One whose siblings were not told is not shown as the first: the page before the next one brings it.
  _leaveAlone() {
    const top = this.path[0];
    if (this._alone.has(top) && this.path.length > 1 && !this._isKnown(this.messages.get(top).parent_id)) this.path.shift();
  }
}
