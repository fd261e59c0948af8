/** Open threads: the last twenty stay in memory, so that going back is instant and where one left it. */
import { api, asRefusal, query, type Refusal } from '../api/client';
import type { ConversationDetail, ID, Message, Page, ServerFrame, ThreadEvent } from '../api/types';
import { afterPaint } from '../paint';
import { unreadOf } from '../model/list';
import { applyEvents, emptyThread, find, putEvents, putMessages, type ThreadState } from '../model/thread';
import { clock } from './clock.svelte';
import { conversations } from './conversations.svelte';
import { session } from './session.svelte';

const PAGE = 50;
const MOST = 100; // of a page, as the API has it
const UNREAD = 500; // messages at most that are loaded to show where the unread begins
const KEPT = 20;
const WARM = 3; // loaded, not opened
const TYPING_MS = 8_000;
const SEARCH_PAGES = 40; // a quoted message is looked for at most this far back

const oldest = (messages: Message[]) => Math.min(...messages.map((m) => m.seq));

export class Thread {
  state = $state.raw<ThreadState>(emptyThread);
  detail = $state.raw<ConversationDetail | null>(null);
  status = $state<'loading' | 'ready' | 'error'>('loading');
  refusal = $state.raw<Refusal | null>(null);
  /** The beginning of the conversation is loaded. */
  complete = $state(false);
  loadingOlder = $state(false);
  viewers = $state.raw<{ agent_id: ID; typing: boolean }[]>([]);
  typingUntil = $state(0);
  /** Where the unread divider stands: fixed when the conversation is opened. */
  divider = $state<number | undefined>();
  /** Where the person was in it. */
  scroll: { anchor: string; offset: number } | 'end' | undefined;

  #early: ThreadEvent[] = [];
  #catching = false;
  #marked = 0;

  constructor(readonly id: ID) {}

  get contactTyping() {
    return clock.now < this.typingUntil;
  }

  message = (id: ID | undefined): Message | undefined => find(this.state.messages, id);

  async load() {
    const before = this.state.seq;
    // What was known before the messages were asked for is in them; so are they themselves. They may be older than the detail, which
    // is asked for at the same time, or newer, and both than what was heard meanwhile: what lies between is asked for then.
    const known = conversations.get(this.id)?.last_seq ?? 0;
    try {
      const asked = api<ConversationDetail>('GET', `/conversations/${this.id}`);
      if (!before) {
        const limit = Math.min(MOST, Math.max(PAGE, unreadOf(conversations.get(this.id)) + 1));
        const [detail, page] = await Promise.all([asked, this.#page({ limit })]);
        this.setDetail(detail);
        if (this.divider === undefined && unreadOf(detail) > 0) this.divider = detail.read_seq;
        let messages = putMessages([], page.items);
        this.complete = !page.next;
        // What was never on screen must not be taken for read: it opens where the unread begins, though that is pages ago.
        while (!this.complete && this.divider !== undefined && oldest(messages) > this.divider && messages.length < UNREAD) {
          const { items, next } = await this.#page({ before: oldest(messages), limit: MOST });
          messages = putMessages(messages, items);
          this.complete = !next || !items.length;
        }
        const newest = Math.max(known, ...messages.map((m) => m.seq));
        const seq = Math.min(newest, detail.last_seq);
        this.state = { messages, events: putEvents([], detail.events), seq };
        if (Math.max(newest, detail.last_seq, conversations.get(this.id)?.last_seq ?? 0) > seq) void this.catchUp().catch((error) => (this.refusal = asRefusal(error)));
      } else {
        const detail = await asked;
        this.setDetail(detail);
        this.#marked = Math.max(this.#marked, detail.read_seq);
        if (detail.last_seq > this.state.seq) await this.catchUp();
      }
      this.status = 'ready';
      this.refusal = null;
      const early = this.#early;
      this.#early = [];
      this.apply(early);
    } catch (error) {
      this.refusal = asRefusal(error);
      if (!before) this.status = 'error';
    }
  }

  #page(of: { before?: number; limit: number }) {
    return api<Page<Message>>('GET', `/conversations/${this.id}/messages${query(of)}`);
  }

  setDetail(detail: ConversationDetail) {
    this.detail = detail;
    conversations.put(detail);
  }

  apply(events: ThreadEvent[]) {
    if (this.status !== 'ready') {
      this.#early.push(...events);
      return;
    }
    const { state, gap } = applyEvents(this.state, events);
    this.state = state;
    if (gap) void this.catchUp().catch((error) => (this.refusal = asRefusal(error)));
  }

  /** Asks the record for everything after what is known. */
  async catchUp() {
    if (this.#catching) return;
    this.#catching = true;
    try {
      for (;;) {
        const page = await api<Page<ThreadEvent>>('GET', `/conversations/${this.id}/events${query({ since: this.state.seq })}`);
        const { state } = applyEvents(this.state, page.items);
        const moved = state.seq > this.state.seq;
        this.state = state;
        if (!page.next || !moved) break;
      }
    } finally {
      this.#catching = false;
    }
  }

  put(...messages: Message[]) {
    this.state = { ...this.state, messages: putMessages(this.state.messages, messages) };
  }

  async older(): Promise<number> {
    if (this.complete || this.loadingOlder || this.status !== 'ready') return 0;
    this.loadingOlder = true;
    try {
      const page = await this.#page({ before: oldest(this.state.messages), limit: PAGE });
      this.put(...page.items);
      this.complete = !page.next || !page.items.length;
      return page.items.length;
    } catch (error) {
      this.refusal = asRefusal(error);
      return 0;
    } finally {
      this.loadingOlder = false;
    }
  }

  /** Loads back to a message, so that it can be jumped to. */
  async reach(id: ID): Promise<boolean> {
    for (let i = 0; i < SEARCH_PAGES && !this.message(id); i++) if (!(await this.older())) break;
    return !!this.message(id);
  }

  /** Everything up to seq was seen. Only the holder's mark counts. */
  async markRead(seq: number) {
    const c = conversations.get(this.id);
    if (!c || c.agent_id !== session.me?.id || seq <= Math.max(c.read_seq, this.#marked)) return;
    this.#marked = seq;
    try {
      conversations.put(await api('POST', `/conversations/${this.id}/read`, { seq }, { once: true }));
    } catch (error) {
      this.#marked = 0; // the next message seen tries again
      if (!asRefusal(error).retryable) this.refusal = asRefusal(error);
    }
  }

  async markUnread(seq: number) {
    this.#marked = Infinity; // until it is opened again, seeing does not read
    conversations.put(await api('POST', `/conversations/${this.id}/unread`, { seq }));
  }

  /** Opened anew. */
  opened() {
    this.#marked = 0;
    const c = conversations.get(this.id);
    this.divider = c && unreadOf(c) > 0 ? c.read_seq : undefined;
  }
}

function keepLast<K, V>(map: Map<K, V>, most: number) {
  for (const old of map.keys()) {
    if (map.size <= most) break;
    map.delete(old);
  }
}

class Threads {
  #kept = new Map<ID, Thread>();
  /** Loaded for whom may open them next. The stream keeps them up to date like all others. */
  #warm = new Map<ID, Thread>();

  open(id: ID): Thread {
    const warm = this.#warm.get(id);
    const thread = warm ?? this.#kept.get(id) ?? new Thread(id);
    this.#warm.delete(id);
    this.#kept.delete(id);
    this.#kept.set(id, thread);
    keepLast(this.#kept, KEPT);
    thread.opened();
    // What is known is shown before anything is asked.
    if (thread.status === 'ready') afterPaint(() => void thread.load());
    else if (!warm || thread.status === 'error') void thread.load();
    return thread;
  }

  /** Loads one that may be opened next. */
  async warm(id: ID): Promise<void> {
    if (this.get(id)) return;
    const thread = new Thread(id);
    this.#warm.set(id, thread);
    keepLast(this.#warm, WARM);
    await thread.load();
    if (thread.status === 'error') this.#warm.delete(id);
  }

  get = (id: ID) => this.#kept.get(id) ?? this.#warm.get(id);

  reload() {
    for (const thread of [...this.#kept.values(), ...this.#warm.values()]) void thread.load();
  }

  clear() {
    this.#kept.clear();
    this.#warm.clear();
  }

  onFrame(frame: ServerFrame) {
    switch (frame.type) {
      case 'conversation': {
        const thread = this.get(frame.conversation.id);
        if (!thread) return;
        if (thread.detail) thread.detail = { ...thread.detail, ...frame.conversation };
        thread.apply(frame.events);
        if (frame.events.some((e) => e.kind === 'message' && e.message?.direction === 'in')) thread.typingUntil = 0;
        return;
      }
      case 'viewers': {
        const thread = this.get(frame.conversation_id);
        if (thread) thread.viewers = frame.viewers.filter((v) => v.agent_id !== session.me?.id);
        return;
      }
      case 'contact_typing': {
        const thread = this.get(frame.conversation_id);
        if (thread) thread.typingUntil = clock.now + TYPING_MS;
        return;
      }
    }
  }
}

export const threads = new Threads();
