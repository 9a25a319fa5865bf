// The socket of the service's own page: tells the session what happened and writes what it hands out.
// When the connection is lost it tries again after the delay that the session names.

import { Session } from "./session.js";

const HANDSHAKE_MS = 10_000;
const SILENCE_MS = 30_000;
const TOKEN = "aichat.token";
// The token of a login lies in sessionStorage: it ends with the tab, no other tab or later visitor of this browser
// finds it, and a reload keeps it. To stay logged in, the browser's own password store fills in the form.

export class ServerLink {
  can = { personas: true, store: true };

  constructor(root) {
    const scheme = location.protocol === "https:" ? "wss:" : "ws:";
    this.url = `${scheme}//${location.host}${root.replace(/\/test$/, "")}/ws`;
    this.session = new Session({ token: sessionStorage.getItem(TOKEN) || "", client: "aichat-web" });
    this.onFrame = () => {};
    this.onState = () => {};
    this.connecting = false;
    this.isTrying = false; // with what was just typed: the form waits for the answer
    this._socket = null;
    this._retry = 0;
    this._retryAt = 0;
    this._heard = 0;
    this._probed = 0;
  }

  start() {
    this.tryNow();
    setInterval(() => this._checkAlive(), 5_000);
    addEventListener("online", () => this._wake());
    document.addEventListener("visibilitychange", () => document.hidden || this._wake());
    addEventListener("pagehide", () => this._socket?.close());
    addEventListener("pageshow", (event) => event.persisted && this.tryNow());
  }

  // Try now, whatever the timer says. Does nothing while a connection stands or is being made.
  tryNow() {
    if (this._socket) return;
    clearTimeout(this._retry);
    this._retryAt = 0;
    this.connecting = true;
    const socket = (this._socket = new WebSocket(this.url));
    const mine = (handler) => (event) => this._socket === socket && handler(event);
    const slow = setTimeout(mine(() => this._end()), HANDSHAKE_MS);
    socket.onopen = mine(() => {
      clearTimeout(slow);
      this.connecting = false;
      this._heard = Date.now();
      this._probed = 0;
      this.session.opened();
      this.flush();
      this.onState();
    });
    socket.onmessage = mine((event) => this._received(event.data));
    socket.onclose = (event) => {
      clearTimeout(slow);
      if (this._socket === socket) this._end(event.code);
    };
    this.onState();
  }

  useToken(token) {
    this._drop();
    this.isTrying = true;
    this.session.token = token;
    sessionStorage.setItem(TOKEN, token);
    this.tryNow();
  }

  logIn(name, password) {
    this._drop();
    this.isTrying = true;
    this.session.logIn(name, password);
    this.tryNow();
  }

  // Forget who this is, and wait for a login.
  logOut() {
    this._drop();
    clearTimeout(this._retry);
    this._retryAt = 0;
    sessionStorage.removeItem(TOKEN);
    this.session.logOut();
    this.onState();
  }

  // Write what the session has to say. Call it after every call on the session.
  flush() {
    const frames = this.session.take();
    if (this._socket?.readyState === WebSocket.OPEN) frames.forEach((frame) => this._socket.send(frame));
  }

  // Seconds until the next try; 0 if none is planned.
  get secondsLeft() {
    return this._retryAt ? Math.max(1, Math.ceil((this._retryAt - Date.now()) / 1000)) : 0;
  }

  _received(text) {
    this._heard = Date.now();
    this._probed = 0;
    const before = this.session.state;
    const { frame, changes } = this.session.received(text);
    this.flush();
    if (frame.type === "logged_in") sessionStorage.setItem(TOKEN, this.session.token);
    if (frame.type === "welcome") this.isTrying = false;
    this.onFrame(frame, changes);
    if (this.session.state !== before) this.onState();
  }

  _end(code) {
    this._drop();
    this.isTrying = false;
    const seconds = this.session.closed(code);
    if (this.session.state === "refused") sessionStorage.removeItem(TOKEN);
    if (seconds !== null) {
      this._retryAt = Date.now() + seconds * 1000;
      this._retry = setTimeout(() => this.tryNow(), seconds * 1000);
    }
    this.onState();
  }

  _drop() {
    const socket = this._socket;
    this._socket = null;
    this.connecting = false;
    socket?.close();
  }

  _wake() {
    if (!this._socket && this.session.state !== "refused") this.tryNow();
    else this._checkAlive(5_000);
  }

  // A line that went dead (a laptop that slept, a network that changed) does not say so by itself.
  _checkAlive(silence = SILENCE_MS) {
    if (document.hidden || this.session.state !== "live") return;
    const now = Date.now();
    if (this._probed && now - this._probed > 10_000) {
      this._end();
    } else if (!this._probed && now - this._heard > silence) {
      this._probed = now;
      this.session.probe();
      this.flush();
    }
  }
}
