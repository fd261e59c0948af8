/**
 * The live stream: one WebSocket that says hello with the last cursor it knows, answers silence with a ping, and comes back
 * by itself. What it misses meanwhile the server replays from the cursor, or it says resync.
 */
import type { ClientFrame, ServerFrame } from './types';

export type LiveState = 'connecting' | 'open' | 'lost';

export interface LiveHandlers {
  frame(frame: ServerFrame): void;
  state(state: LiveState): void;
}

const PING_MS = 15_000;
const SILENCE_MS = 35_000; // two pings unanswered: the connection is dead, whatever the socket says
const BACKOFF_MS = [250, 500, 1000, 2000, 4000, 8000];

export class Live {
  #socket: WebSocket | null = null;
  #cursor: string | undefined;
  #heard = 0;
  #tries = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #pinger: ReturnType<typeof setInterval> | undefined;
  #stopped = true;
  #viewing: ClientFrame | null = null;

  constructor(
    private url: string,
    private handlers: LiveHandlers,
  ) {}

  start() {
    if (!this.#stopped) return;
    this.#stopped = false;
    addEventListener('online', this.retryNow);
    this.#connect();
  }

  stop() {
    this.#stopped = true;
    removeEventListener('online', this.retryNow);
    clearTimeout(this.#timer);
    clearInterval(this.#pinger);
    this.#socket?.close();
    this.#socket = null;
    this.#cursor = undefined;
  }

  retryNow = () => {
    if (this.#stopped || this.#socket?.readyState === WebSocket.OPEN) return;
    this.#tries = 0;
    clearTimeout(this.#timer);
    this.#connect();
  };

  viewing(conversation_id: string | undefined, typing: boolean) {
    this.#viewing = { type: 'viewing', conversation_id, typing };
    this.#send(this.#viewing);
  }

  #send(frame: ClientFrame) {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(frame));
  }

  #connect() {
    this.#socket?.close();
    this.handlers.state('connecting');
    const socket = new WebSocket(this.url);
    this.#socket = socket;
    this.#heard = Date.now();
    socket.onopen = () => this.#send({ type: 'hello', cursor: this.#cursor });
    socket.onmessage = (event) => {
      if (socket !== this.#socket) return;
      this.#heard = Date.now();
      const frame = JSON.parse(event.data) as ServerFrame;
      if ('cursor' in frame) this.#cursor = frame.cursor;
      if (frame.type === 'welcome') {
        this.#tries = 0;
        this.handlers.state('open');
        if (this.#viewing) this.#send(this.#viewing);
      }
      this.handlers.frame(frame);
    };
    socket.onclose = () => {
      if (socket !== this.#socket || this.#stopped) return;
      this.#lost();
    };
    clearInterval(this.#pinger);
    this.#pinger = setInterval(() => {
      if (Date.now() - this.#heard > SILENCE_MS) this.#lost();
      else this.#send({ type: 'ping' });
    }, PING_MS);
  }

  #lost() {
    clearInterval(this.#pinger);
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
    this.handlers.state('lost');
    const wait = BACKOFF_MS[Math.min(this.#tries++, BACKOFF_MS.length - 1)];
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#connect(), wait * (0.75 + Math.random() / 2));
  }
}
