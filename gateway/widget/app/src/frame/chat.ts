/**
 * The chat's state and everything that changes it; no DOM. What the server tells is merged by id, so that it may come
 * twice. What the visitor writes lies in the store until the server shows it, and is sent again after every reconnect
 * and reload with the same id: the server counts the first.
 */
import type { Look } from '../shared';
import { makeLink, type Chat, type Item, type Link, type ServerFrame } from './link';
import { openStore, type Outgoing, type Store } from './store';

/** A file on its way to the server, before it is a message. Lost with the page: the browser keeps no files for us. */
export interface Upload {
  key: string;
  file: File;
  failed?: string;
}

export interface State {
  link: 'idle' | 'open' | 'lost' | 'gone';
  chat: Chat;
  items: Item[]; // in order of display
  more: boolean; // there are older ones
  outbox: Outgoing[];
  acked: Set<string>;
  uploads: Upload[];
  typing: boolean;
  anew: boolean; // after the end the visitor asked for a new chat
  unread: number;
  ready: boolean; // the thread is known, or there is none
}

const TYPING_FOR = 8e3;
const BLINK = 1500;
const PATIENCE = 15e3; // without an answer to a message the socket is not to be trusted
const DONE = ['empty_message', 'text_too_long', 'media_type', 'media_too_large', 'not_found', 'not_supported', 'invalid'];

const time = (at?: string) => Date.parse(at ?? '') || 0;

/** A UUID. crypto.randomUUID is missing where the site around us is not secure. */
function uuid(): string {
  const b = crypto.getRandomValues(new Uint8Array(16));
  b[6] = (b[6]! & 15) | 64;
  b[8] = (b[8]! & 63) | 128;
  return [...b].map((x, i) => ([4, 6, 8, 10].includes(i) ? '-' : '') + x.toString(16).padStart(2, '0')).join('');
}

export class ChatStore {
  state: State = {
    link: 'idle', chat: { state: 'none', read_seq: 0 }, items: [], more: false, outbox: [], acked: new Set(),
    uploads: [], typing: false, anew: false, unread: 0, ready: false,
  };
  locale = '';
  name = '';
  page?: { url: string; title: string };

  private store: Store;
  private link: Link;
  private cursor = '';
  private inFlight = new Map<string, number>(); // message id → timer
  private typingTimer = 0;
  private typedAt = 0;
  private lost = 0; // timer
  private paging = false; // older items are asked for

  constructor(
    private look: Look,
    private base: string, // …/widget/v1/<account>/
    private changed: () => void,
    private news: (item: Item) => void, // somebody else wrote, live
    private began: () => void,
  ) {
    this.store = openStore(look.account, (what) => this.heardTab(what));
    this.link = makeLink(
      base.replace(/^http/, 'ws') + 'live',
      () => ({ token: this.token, after: this.cursor }),
      { frame: (f) => this.heard(f), state: (s) => this.linked(s) },
    );
    this.state.outbox = this.store.outbox();
    this.state.ready = !this.token;
    if (this.token) this.begin();
    else if (this.state.outbox.length) void this.enrol();
  }

  get token() {
    return this.store.get('token');
  }
  get draft() {
    return this.store.get('draft');
  }
  set draft(text: string) {
    this.store.set('draft', text);
  }

  // --- what the visitor does ------------------------------------------------------------------------------------------

  write(text: string, file?: Outgoing['file']) {
    const o: Outgoing = { id: uuid(), at: Date.now(), text, file };
    if (this.state.chat.state === 'none' || this.state.chat.state === 'ended') o.page = this.page;
    this.store.put(o);
    this.outboxChanged();
    this.deliver();
  }

  retry(id: string) {
    const o = this.state.outbox.find((x) => x.id === id);
    if (o) this.store.put({ ...o, failed: undefined });
    this.outboxChanged();
    this.deliver();
  }

  drop(id: string) {
    this.store.drop(id);
    this.state.uploads = this.state.uploads.filter((u) => u.key !== id);
    this.outboxChanged();
  }

  async upload(file: File, key = uuid()) {
    const put = (failed?: string) => {
      this.state.uploads = [...this.state.uploads.filter((u) => u.key !== key), { key, file, failed }];
      this.changed();
    };
    if (file.size > this.look.file_limit) return put('media_too_large');
    put();
    try {
      await this.enrol();
      const answer = await this.fetch('uploads', {
        method: 'POST', body: file, headers: { 'Content-Type': file.type, 'X-File-Name': encodeURIComponent(file.name) },
      });
      const body = await answer.json();
      if (!answer.ok) return put(body.error.code);
      this.state.uploads = this.state.uploads.filter((u) => u.key !== key);
      this.write('', { id: body.id, name: file.name, type: body.type });
    } catch {
      put('unavailable');
    }
  }

  typed() {
    if (Date.now() - this.typedAt > 3e3 && this.link.send({ type: 'typing', on: true })) this.typedAt = Date.now();
  }

  /** Everything shown was seen. */
  seen() {
    const last = this.state.items.findLast((i) => i.sent_at);
    if (!last) return;
    if (time(last.sent_at) > time(this.store.get('read'))) {
      this.store.set('read', last.sent_at!);
      this.store.tell('changed');
    }
    if (!last.read && this.link.send({ type: 'read', at: last.sent_at })) last.read = true;
    this.count();
  }

  older() {
    const first = this.state.items[0];
    if (first && this.state.more && !this.paging) {
      this.paging = this.link.send({ type: 'history', before: `${first.conv}:${first.seq}` });
    }
  }

  startAnew() {
    this.state.anew = true;
    this.changed();
  }

  /** A picture of the thread as it is shown, fetched once. */
  picture(id: string, thumb: boolean): Promise<Blob> {
    const held = this.pictures.get(id) ?? this.file(id, thumb);
    this.pictures.set(id, held);
    held.catch(() => this.pictures.delete(id));
    return held;
  }
  private pictures = new Map<string, Promise<Blob>>();

  /** A file of the thread. Only this origin's fetch can carry the token. */
  async file(id: string, thumb = false): Promise<Blob> {
    const answer = await this.fetch(`media/${id}${thumb ? '?thumb=1' : ''}`, {});
    if (!answer.ok) throw new Error(`${answer.status}`);
    return answer.blob();
  }

  private fetch(path: string, init: RequestInit) {
    return fetch(this.base + path, { ...init, headers: { ...init.headers, Authorization: `Bearer ${this.token}` } });
  }

  // --- who the visitor is ---------------------------------------------------------------------------------------------

  /** Gets a token when the first message needs one. Of several tabs one asks. */
  private enrolling?: Promise<void>;
  private enrol(): Promise<void> {
    if (this.token) return Promise.resolve();
    return (this.enrolling ??= this.ask().finally(() => (this.enrolling = undefined)));
  }

  private async ask() {
    const once = async () => {
      for (let tries = 0; !this.token; tries++) {
        let wait = Math.min(30, 2 ** tries) * (0.5 + Math.random());
        try {
          const answer = await fetch(this.base + 'visitors', { method: 'POST' });
          if (answer.ok) {
            this.store.set('token', (await answer.json()).token);
            break;
          }
          if (answer.status === 404 || answer.status === 403) return this.linked('gone');
          wait = Number(answer.headers.get('Retry-After')) || wait;
        } catch {
          // no network: wait
        }
        this.say('lost');
        await new Promise((r) => setTimeout(r, wait * 1e3));
      }
    };
    await (navigator.locks ? navigator.locks.request(`gh:${this.look.account}`, once) : once());
    if (!this.token) return;
    this.store.tell('changed');
    this.begin();
  }

  private begin() {
    this.began();
    this.link.open();
  }

  // --- what the others say --------------------------------------------------------------------------------------------

  private linked(s: 'open' | 'lost' | 'unknown' | 'gone') {
    for (const timer of this.inFlight.values()) clearTimeout(timer);
    this.inFlight.clear();
    this.paging = false;
    if (s === 'unknown') {
      this.store.set('token', '');
      this.state.items = [];
      this.cursor = '';
      this.state.chat = { state: 'none', read_seq: 0 };
      this.say('idle');
      this.state.ready = true;
      if (this.state.outbox.length) void this.enrol();
    } else if (s === 'lost') this.lost ||= window.setTimeout(() => this.say('lost'), BLINK);
    else this.say(s);
    this.state.typing = false;
    this.changed();
  }

  /** What the visitor is told of the connection. A short break is none of its business. */
  private say(s: State['link']) {
    clearTimeout(this.lost);
    this.lost = 0;
    this.state.link = s;
    this.changed();
  }

  private heard(f: ServerFrame) {
    switch (f.type) {
      case 'welcome': {
        const known = new Set(this.state.items.map((i) => i.id));
        // After more was missed than one page holds, what lies between is fetched like the rest of the past.
        if (f.more && f.items.length && known.size && !f.items.some((i) => known.has(i.id))) this.state.items = [];
        if (!f.same && !(known.size && this.state.items.length)) this.state.more = !!f.more;
        this.settle(f.chat, f.items, f.cursor);
        this.state.ready = true;
        this.deliver();
        break;
      }
      case 'news':
        this.settle(f.chat, f.items, f.cursor);
        for (const i of f.items) if (!i.mine && !i.mark) this.news(i);
        break;
      case 'history':
        this.paging = false;
        this.state.more = !!f.more;
        this.merge(f.items);
        break;
      case 'ack':
        this.landed(f.client_id);
        this.state.acked.add(f.client_id);
        if (f.item) this.merge([f.item]);
        this.store.tell('sent');
        break;
      case 'refused':
        this.refused(f);
        break;
      case 'typing':
        this.type(!!f.on);
        break;
    }
    this.changed();
  }

  private settle(chat: Chat, items: Item[], cursor?: string) {
    if (chat.state !== this.state.chat.state || chat.id !== this.state.chat.id) this.state.anew = false;
    this.state.chat = chat;
    this.cursor = cursor ?? this.cursor;
    if (items.some((i) => !i.mine)) this.type(false);
    this.merge(items);
  }

  private merge(items: Item[]) {
    const all = new Map(this.state.items.map((i) => [i.id, i]));
    for (const i of items) {
      all.set(i.id, i);
      if (i.client_id) {
        this.landed(i.client_id);
        this.store.drop(i.client_id);
      }
    }
    this.state.items = [...all.values()].sort((a, b) => time(a.at) - time(b.at) || a.seq - b.seq);
    this.state.outbox = this.store.outbox();
    this.count();
  }

  private refused(f: { client_id?: string; code: string; retry_after?: number }) {
    const o = this.state.outbox.find((x) => x.id === f.client_id);
    if (!o) return;
    this.landed(o.id);
    if (DONE.includes(f.code)) this.store.put({ ...o, failed: f.code });
    else this.inFlight.set(o.id, window.setTimeout(() => (this.landed(o.id), this.deliver()), (f.retry_after ?? 3) * 1e3));
    this.outboxChanged();
  }

  private heardTab(what: 'changed' | 'sent') {
    if (this.token) this.link.open();
    if (what === 'sent' && this.state.chat.state !== 'agent') this.link.send({ type: 'sync' });
    this.state.outbox = this.store.outbox();
    this.count();
    this.changed();
  }

  private type(on: boolean) {
    clearTimeout(this.typingTimer);
    this.state.typing = on;
    if (on) this.typingTimer = window.setTimeout(() => this.heard({ type: 'typing' }), TYPING_FOR);
  }

  // --- what waits -----------------------------------------------------------------------------------------------------

  private outboxChanged() {
    this.state.outbox = this.store.outbox();
    this.store.tell('changed');
    this.changed();
  }

  /** Sends what is not on its way, oldest first. */
  private deliver() {
    if (this.state.outbox.length && !this.token) void this.enrol();
    for (const o of this.state.outbox) {
      if (o.failed || this.inFlight.has(o.id) || this.state.acked.has(o.id)) continue;
      const sent = this.link.send({
        type: 'message', client_id: o.id, text: o.text, file: o.file?.id, page: o.page,
        name: this.name || undefined, locale: this.locale,
      });
      if (!sent) return;
      this.inFlight.set(o.id, window.setTimeout(() => this.link.again(), PATIENCE));
    }
  }

  private landed(id: string) {
    clearTimeout(this.inFlight.get(id));
    this.inFlight.delete(id);
  }

  private count() {
    const read = time(this.store.get('read'));
    this.state.unread = this.state.items.filter((i) => time(i.sent_at) > read && !i.read).length;
  }
}
