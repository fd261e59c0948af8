/** The socket: says hello, reconnects with jitter, notices when it is dead. It knows frames, not what they mean. */

export type ServerFrame =
  | { type: 'welcome'; now: string; cursor?: string; chat: Chat; items: Item[]; more?: boolean; same?: boolean }
  | { type: 'news'; cursor?: string; chat: Chat; items: Item[] }
  | { type: 'history'; items: Item[]; more?: boolean }
  | { type: 'ack'; client_id: string; item?: Item }
  | { type: 'refused'; client_id?: string; code: string; retry_after?: number }
  | { type: 'typing'; on?: boolean }
  | { type: 'pong' };

export interface Chat {
  state: 'none' | 'queued' | 'agent' | 'ended';
  id?: string;
  agent?: { name: string; online: boolean };
  read_seq: number;
}

export interface Media {
  id: string;
  state: string;
  type: string;
  name?: string;
  size?: number;
  width?: number;
  height?: number;
  thumb?: boolean;
}

/** A message, or (mark) a happening such as "Deniz joined". gateway/widget/view.go writes it. */
export interface Item {
  id: string;
  conv: string;
  seq: number;
  at: string;
  mark?: 'joined' | 'took_over' | 'waiting' | 'ended';
  name?: string;
  mine?: boolean;
  client_id?: string;
  kind?: string;
  text?: string;
  media?: Media[];
  reply_to?: string;
  sent_at?: string;
  read?: boolean;
  edited?: boolean;
  deleted?: boolean;
}

export interface Link {
  open(): void; // idempotent
  close(): void; // for good, or until open
  again(): void; // the socket is not to be trusted: a new one
  send(frame: object): boolean; // false: there is no connection
}

const UNKNOWN = 4401; // the server knows no such token
const GONE = 4404; // the account is switched off

export function makeLink(
  url: string,
  hello: () => object,
  on: { frame(f: ServerFrame): void; state(s: 'open' | 'lost' | 'unknown' | 'gone'): void },
): Link {
  let socket: WebSocket | undefined;
  let wanted = false;
  let welcomed = false;
  let tries = 0;
  let timer = 0;
  let beat = 0;

  function connect() {
    clearTimeout(timer);
    if (!wanted || socket) return;
    const s = (socket = new WebSocket(url));
    welcomed = false;
    let heard = Date.now();
    s.onopen = () => s.send(JSON.stringify({ type: 'hello', ...hello() }));
    s.onmessage = (e) => {
      heard = Date.now();
      const f = JSON.parse(e.data) as ServerFrame;
      if (!welcomed && f.type === 'welcome') {
        welcomed = true;
        tries = 0;
        on.state('open');
      }
      on.frame(f);
    };
    s.onclose = (e) => {
      if (socket !== s) return;
      gone();
      if (e.code === UNKNOWN || e.code === GONE) {
        wanted = false;
        on.state(e.code === GONE ? 'gone' : 'unknown');
      }
    };
    clearInterval(beat);
    beat = window.setInterval(() => {
      if (Date.now() - heard > 45e3) again();
      else if (welcomed && Date.now() - heard > 20e3) s.send('{"type":"ping"}');
    }, 5e3);
  }

  function gone() {
    socket = undefined;
    welcomed = false;
    clearInterval(beat);
    if (!wanted) return;
    on.state('lost');
    // Half a second at first, doubling up to half a minute, and never everybody at once.
    clearTimeout(timer);
    timer = window.setTimeout(connect, (0.5 + Math.random()) * Math.min(3e4, 500 * 2 ** tries++));
  }

  function again() {
    const s = socket;
    socket = undefined;
    s?.close();
    gone();
  }

  addEventListener('online', () => {
    tries = 0;
    connect();
  });
  addEventListener('offline', () => socket && again());
  return {
    open() {
      wanted = true;
      connect();
    },
    close() {
      wanted = false;
      clearTimeout(timer);
      socket?.close();
    },
    again,
    send(frame) {
      if (!welcomed) return false;
      socket!.send(JSON.stringify(frame));
      return true;
    },
  };
}
