/** Sends what was pressed, in order, until the server has it. The rules are in model/outbox.ts. */
import { api, asRefusal, type Refusal } from '../api/client';
import type { ID, Message, SendMessage } from '../api/types';
import { heads, mayGo, type Unsent } from '../model/outbox';
import { viewWindow } from '../model/window';
import { clock } from './clock.svelte';
import { conversations } from './conversations.svelte';
import { forget, keep, kept, keptKeys } from './kept';
import { session } from './session.svelte';
import { threads } from './threads.svelte';

export interface Returned {
  unsent: Unsent;
  refusal: Refusal;
}

const RETRY_MS = [1000, 2000, 4000, 8000];

class Outbox {
  list = $state.raw<Unsent[]>([]);
  /** What the server refused, by conversation: its text goes back into the box. */
  returned = $state.raw<Returned | null>(null);

  #tab = crypto.randomUUID();
  #busy = new Set<ID>();
  #tries = 0;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #onAccepted: ((unsent: Unsent) => void)[] = [];

  of(conversation: ID): Unsent[] {
    return this.list.filter((u) => u.conversation === conversation);
  }

  accepted(then: (unsent: Unsent) => void) {
    this.#onAccepted.push(then);
  }

  /** Takes up what a closed tab of this agent left behind. While a tab lives it holds a lock of its name. */
  async start() {
    const locks = navigator.locks;
    void locks?.request(`gatehouse-outbox-${this.#tab}`, () => new Promise(() => {}));
    for (const key of keptKeys('outbox.')) {
      const owner = key.slice('outbox.'.length);
      if (owner === this.#tab) continue;
      const adopt = () => {
        const left = (kept<Unsent[]>(key) ?? []).filter((u) => u.agent === session.me?.id);
        if (!left.length) return;
        forget(key);
        this.#set([...this.list, ...left]);
      };
      if (locks) await locks.request(`gatehouse-outbox-${owner}`, { ifAvailable: true }, (lock) => lock && adopt());
      else adopt();
    }
    this.pump();
  }

  send(conversation: ID, body: SendMessage, files: Unsent['files']) {
    const unsent: Unsent = {
      key: crypto.randomUUID(), agent: session.me!.id, conversation, body, files, at: new Date(clock.now).toISOString(), state: 'waiting',
    };
    this.#set([...this.list, unsent]);
    this.pump();
  }

  cancel(key: string): Unsent | undefined {
    const unsent = this.list.find((u) => u.key === key);
    this.#set(this.list.filter((u) => u.key !== key));
    return unsent;
  }

  /** The person answered “send anyway”. */
  confirm(key: string) {
    this.#set(this.list.map((u) => (u.key === key ? { ...u, at: new Date(clock.now).toISOString(), state: 'waiting' } : u)));
    this.pump();
  }

  pump() {
    clearTimeout(this.#retry);
    for (const unsent of heads(this.list)) {
      if (this.#busy.has(unsent.conversation) || unsent.state === 'asks' || unsent.agent !== session.me?.id) continue;
      const c = conversations.get(unsent.conversation);
      const open = c ? viewWindow(c.window, clock.now).free : true;
      if (!mayGo(unsent, clock.now, open)) {
        this.#set(this.list.map((u) => (u.key === unsent.key ? { ...u, state: 'asks' } : u)));
        continue;
      }
      void this.#post(unsent);
    }
  }

  async #post(unsent: Unsent) {
    this.#busy.add(unsent.conversation);
    try {
      const message = await api<Message>('POST', `/conversations/${unsent.conversation}/messages`, unsent.body, { key: unsent.key, once: true });
      threads.get(unsent.conversation)?.put(message);
      this.#set(this.list.filter((u) => u.key !== unsent.key));
      this.#tries = 0;
      for (const then of this.#onAccepted) then(unsent);
    } catch (error) {
      const refusal = asRefusal(error);
      if (refusal.retryable || refusal.code === 'session_over') {
        this.#retry = setTimeout(() => this.pump(), RETRY_MS[Math.min(this.#tries++, RETRY_MS.length - 1)]);
      } else {
        this.#set(this.list.filter((u) => u.key !== unsent.key));
        this.returned = { unsent, refusal };
      }
      return;
    } finally {
      this.#busy.delete(unsent.conversation);
    }
    this.pump();
  }

  #set(list: Unsent[]) {
    this.list = list;
    if (list.length) keep(`outbox.${this.#tab}`, list);
    else forget(`outbox.${this.#tab}`);
  }
}

export const outbox = new Outbox();
