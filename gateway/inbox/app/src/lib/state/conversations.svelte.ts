/** Conversations by id, the lists that show them, and the counts beside the views. */
import { SvelteMap } from 'svelte/reactivity';
import { api, asRefusal, query, type Refusal } from '../api/client';
import type { Conversation, Counts, ID, Page, ServerFrame } from '../api/types';
import {
  below, belongs, compareConversations, leaving, place, queryKey, settle, waitingChanges, type ListQuery, type ListState,
} from '../model/list';
import { contactName } from '../i18n/names';
import { clock } from './clock.svelte';
import { desk } from './desk.svelte';
import { session } from './session.svelte';

const SETTLE_MS = 400;
const PAGE = 50;
const MOST = 100; // of a page, as the API has it

export class ConversationList {
  state = $state.raw<ListState>({ shown: [], target: [] });
  status = $state<'loading' | 'ready' | 'error'>('loading');
  refusal = $state.raw<Refusal | null>(null);
  next = $state<string | undefined>();
  frozen = $state(false);
  loadingMore = $state(false);
  loads = $state(0); // ended so far

  waiting = $derived(waitingChanges(this.state));
  leaving = $derived(leaving(this.state));

  #ownLeft = new Set<ID>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #load = 0;
  /** What the live stream said while a page was on its way, which may be older: look at it again, or it is gone. */
  #meanwhile: Map<ID, 'look' | 'gone'> | null = null;

  constructor(
    readonly query: ListQuery,
    private store: Conversations,
  ) {}

  #path(cursor?: string, limit = PAGE) {
    const { view, department, channel, account, q, sort } = this.query;
    return '/conversations' + query({ view, department, channel, account, q, sort, cursor, limit });
  }

  /**
   * Reads the list again, as far as it is shown, and a page further where new rows have pushed the last one down: what is only
   * further down must not seem to leave.
   */
  async load() {
    const load = ++this.#load;
    this.#meanwhile = new Map();
    if (this.status === 'error') this.status = 'loading';
    try {
      const ids: ID[] = [];
      const { shown } = this.state;
      let next: string | undefined;
      do {
        const page = await api<Page<Conversation>>('GET', this.#path(next, shown.length > PAGE ? MOST : PAGE));
        if (load !== this.#load) return;
        this.store.putAll(page.items);
        ids.push(...page.items.map((c) => c.id));
        next = page.next || undefined;
      } while (next && shown.length && (ids.length < shown.length || (ids.length < shown.length + MOST && !ids.includes(shown[shown.length - 1]))));
      this.next = next;
      const target = this.#caughtUp([...new Set(ids)]);
      // What was read beyond the last row that is shown moves none when it is shown, too.
      if (this.state.shown.length) this.state = { ...this.state, shown: [...this.state.shown, ...below(this.state.shown, target)] };
      this.#target(target, this.status !== 'ready');
      this.status = 'ready';
      this.refusal = null;
      this.loads++;
    } catch (error) {
      if (load !== this.#load) return;
      this.#meanwhile = null;
      this.refusal = asRefusal(error);
      if (this.status !== 'ready') this.status = 'error';
    }
  }

  /** The end is near. After a refusal nothing is asked before somebody wants it, or the connection is there again. */
  goOn() {
    return this.refusal ? undefined : this.more();
  }

  async more() {
    if (!this.next || this.#meanwhile) return;
    const load = this.#load;
    this.#meanwhile = new Map();
    this.loadingMore = true;
    try {
      const page = await api<Page<Conversation>>('GET', this.#path(this.next));
      if (load !== this.#load) return;
      this.store.putAll(page.items);
      this.next = page.next || undefined;
      const { shown, target } = this.state;
      const all = this.#caughtUp([...new Set([...target, ...page.items.map((c) => c.id)])]);
      this.state = { target: all, shown: shown === target ? all : [...shown, ...below(shown, all)] };
      this.refusal = null;
    } catch (error) {
      if (load !== this.#load) return;
      this.#meanwhile = null;
      this.refusal = asRefusal(error);
    } finally {
      this.loadingMore = false;
    }
  }

  changed(c: Conversation) {
    this.#meanwhile?.set(c.id, 'look');
    if (this.status === 'ready') this.#target(this.#placed(this.state.target, c));
  }

  gone(id: ID) {
    this.#meanwhile?.set(id, 'gone');
    this.#target(this.state.target.filter((other) => other !== id));
  }

  #placed(target: ID[], c: Conversation): ID[] {
    const is = belongs(this.query, c, session.me!.id, desk.kindOf(c.account_id), clock.now);
    return place(target, this.store.get, c, is, this.query.sort, !!this.next);
  }

  #caughtUp(target: ID[]): ID[] {
    for (const [id, what] of this.#meanwhile ?? []) {
      const c = what === 'look' ? this.store.get(id) : undefined;
      target = c ? this.#placed(target, c) : target.filter((other) => other !== id);
    }
    this.#meanwhile = null;
    return target;
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
    this.#set(c, old);
    for (const list of this.#lists.values()) list.changed(c);
    return true;
  }

  putAll(all: Conversation[]) {
    for (const c of all) {
      const old = this.#byId.get(c.id);
      if (!old || c.last_seq >= old.last_seq) this.#set(c, old);
    }
  }

  /** Only a conversation's own page tells of a draft: what else says nothing of it takes none away. */
  #set(c: Conversation, old: Conversation | undefined) {
    this.#byId.set(c.id, c.draft === undefined && old?.draft ? { ...c, draft: old.draft } : c);
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
    const before = this.counts;
    const counts = await api<Counts>('GET', '/counts');
    if (this.counts === before) this.counts = counts; // else the live stream was quicker, and is newer
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
    if (frame.type === 'welcome') for (const list of this.#lists.values()) if (list.refusal) void list.load();
  }
}

export const conversations = new Conversations();
