/** Conversations by id, the lists that show them, and the counts beside the views. */
import { SvelteMap } from 'svelte/reactivity';
import { api, asRefusal, query, type Refusal } from '../api/client';
import type { Conversation, Counts, ID, Page, ServerFrame } from '../api/types';
import {
  belongs, compareConversations, leaving, place, queryKey, settle, waitingChanges, type ListQuery, type ListState,
} from '../model/list';
import { contactName } from '../i18n/names';
import { clock } from './clock.svelte';
import { desk } from './desk.svelte';
import { session } from './session.svelte';

const SETTLE_MS = 400;
const PAGE = 50;

export class ConversationList {
  state = $state.raw<ListState>({ shown: [], target: [] });
  status = $state<'loading' | 'ready' | 'error'>('loading');
  refusal = $state.raw<Refusal | null>(null);
  next = $state<string | undefined>();
  frozen = $state(false);
  loadingMore = $state(false);

  waiting = $derived(waitingChanges(this.state));
  leaving = $derived(leaving(this.state));

  #ownLeft = new Set<ID>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #load = 0;

  constructor(
    readonly query: ListQuery,
    private store: Conversations,
  ) {}

  #path(cursor?: string) {
    const { view, department, channel, account, q, sort } = this.query;
    return '/conversations' + query({ view, department, channel, account, q, sort, cursor, limit: PAGE });
  }

  async load() {
    const load = ++this.#load;
    if (this.status === 'error') this.status = 'loading';
    try {
      const page = await api<Page<Conversation>>('GET', this.#path());
      if (load !== this.#load) return;
      this.store.putAll(page.items);
      this.next = page.next || undefined;
      const fresh = page.items.map((c) => c.id);
      this.#target(fresh, this.status !== 'ready');
      this.status = 'ready';
      this.refusal = null;
    } catch (error) {
      if (load !== this.#load) return;
      this.refusal = asRefusal(error);
      if (this.status !== 'ready') this.status = 'error';
    }
  }

  async more() {
    if (!this.next || this.loadingMore) return;
    this.loadingMore = true;
    try {
      const page = await api<Page<Conversation>>('GET', this.#path(this.next));
      this.store.putAll(page.items);
      this.next = page.next || undefined;
      const have = new Set([...this.state.target, ...this.state.shown]);
      const fresh = page.items.map((c) => c.id).filter((id) => !have.has(id));
      const { shown, target } = this.state;
      const both = [...target, ...fresh];
      this.state = { target: both, shown: shown === target ? both : [...shown, ...fresh] };
    } catch (error) {
      this.refusal = asRefusal(error);
    } finally {
      this.loadingMore = false;
    }
  }

  changed(c: Conversation) {
    const me = session.me!.id;
    const is = belongs(this.query, c, me, desk.kindOf(c.account_id), clock.now);
    this.#target(place(this.state.target, this.store.get, c, is, this.query.sort, !!this.next));
  }

  gone(id: ID) {
    this.#target(this.state.target.filter((other) => other !== id));
  }

  /** The person's own deed takes a row away: it does not wait. */
  ownDeed(id: ID) {
    this.#ownLeft.add(id);
  }

  freeze(frozen: boolean) {
    this.frozen = frozen;
    if (!frozen) this.#settleSoon();
  }

  apply() {
    this.state = settle(this.state, false, this.#ownLeft);
  }

  #target(target: ID[], now = false) {
    const { shown, target: before } = this.state;
    if (target === before) return;
    const same = target.length === shown.length && target.every((id, i) => id === shown[i]);
    this.state = same ? { shown, target: shown } : { shown, target };
    if (now) this.apply();
    else this.#settleSoon();
  }

  #settleSoon() {
    if (this.frozen) this.state = settle(this.state, true, this.#ownLeft);
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.state = settle(this.state, this.frozen, this.#ownLeft);
    }, SETTLE_MS);
  }
}

const KEPT_LISTS = 8;

class Conversations {
  #byId = new SvelteMap<ID, Conversation>();
  #lists = new Map<string, ConversationList>();
  counts = $state.raw<Counts | null>(null);

  get = (id: ID): Conversation | undefined => {
    const c = this.#byId.get(id);
    return !c || c.contact.name ? c : { ...c, contact: { ...c.contact, name: contactName(c.contact) } };
  };

  /** A frame that is older than what is known changes nothing. */
  put(c: Conversation): boolean {
    const old = this.#byId.get(c.id);
    if (old && c.last_seq < old.last_seq) return false;
    this.#byId.set(c.id, c.draft === undefined && old?.draft ? { ...c, draft: old.draft } : c);
    for (const list of this.#lists.values()) if (list.status === 'ready') list.changed(c);
    return true;
  }

  putAll(all: Conversation[]) {
    for (const c of all) {
      const old = this.#byId.get(c.id);
      if (!old || c.last_seq >= old.last_seq) this.#byId.set(c.id, c);
    }
  }

  setDraft(id: ID, draft: string) {
    const c = this.#byId.get(id);
    if (c && (c.draft ?? '') !== draft) this.#byId.set(id, { ...c, draft });
  }

  list(q: ListQuery): ConversationList {
    const key = queryKey(q);
    let list = this.#lists.get(key);
    if (list) this.#lists.delete(key);
    else list = new ConversationList(q, this);
    this.#lists.set(key, list);
    for (const old of this.#lists.keys()) {
      if (this.#lists.size <= KEPT_LISTS) break;
      this.#lists.delete(old);
    }
    void list.load();
    return list;
  }

  ownDeed(id: ID) {
    for (const list of this.#lists.values()) list.ownDeed(id);
  }

  /** The oldest waiting conversations known here, for the next step after a refusal. */
  oldestWaiting(): Conversation | undefined {
    return [...this.#byId.values()].filter((c) => c.status === 'waiting').sort(compareConversations('waiting'))[0];
  }

  async refresh() {
    this.counts = await api<Counts>('GET', '/counts');
  }

  reload() {
    for (const list of this.#lists.values()) void list.load();
    return this.refresh();
  }

  clear() {
    this.#byId.clear();
    this.#lists.clear();
    this.counts = null;
  }

  onFrame(frame: ServerFrame) {
    if (frame.type === 'conversation') this.put(frame.conversation);
    if (frame.type === 'gone') for (const list of this.#lists.values()) list.gone(frame.conversation_id);
    if (frame.type === 'counts') this.counts = frame.counts;
  }
}

export const conversations = new Conversations();
