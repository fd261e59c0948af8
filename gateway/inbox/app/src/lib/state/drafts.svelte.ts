/** What is being written: one draft per conversation and tab, kept here at every pause and on the server a little later. */
import { SvelteMap } from 'svelte/reactivity';
import { api, asRefusal } from '../api/client';
import type { Draft, ID, Page } from '../api/types';
import { conversations } from './conversations.svelte';
import { forget, keep, kept, keptKeys } from './kept';
import { session } from './session.svelte';

export type Tab = 'reply' | 'note';

export interface KeptDraft {
  text: string;
  reply_to?: ID;
  files: { id: ID; name: string; type: string; size: number }[];
  at: number;
  /** The server has it. */
  saved: boolean;
}

const LOCAL_MS = 300;
const SERVER_MS = 3_000;

class Drafts {
  #drafts = new SvelteMap<string, KeptDraft>();
  #tabs = new SvelteMap<ID, Tab>();
  #local = new Map<string, ReturnType<typeof setTimeout>>();
  #server = new Map<string, ReturnType<typeof setTimeout>>();
  #asked = new Set<ID>();
  /** An older text that a newer one from elsewhere replaced; offered for a while. */
  replaced = $state.raw<{ conversation: ID; tab: Tab; text: string } | null>(null);

  #key = (conversation: ID, tab: Tab) => `draft.${session.me!.id}.${conversation}.${tab}`;

  tab = (conversation: ID): Tab => this.#tabs.get(conversation) ?? 'reply';
  setTab = (conversation: ID, tab: Tab) => this.#tabs.set(conversation, tab);

  get(conversation: ID, tab: Tab): KeptDraft | undefined {
    const key = this.#key(conversation, tab);
    return this.#drafts.get(key) ?? kept<KeptDraft>(key);
  }

  set(conversation: ID, tab: Tab, text: string, reply_to: ID | undefined, files: KeptDraft['files']) {
    const key = this.#key(conversation, tab);
    const draft: KeptDraft = { text, reply_to, files, at: Date.now(), saved: false };
    this.#drafts.set(key, draft);
    clearTimeout(this.#local.get(key));
    this.#local.set(key, setTimeout(() => this.#pause(conversation, tab), LOCAL_MS));
    if (!this.#server.has(key)) this.#server.set(key, setTimeout(() => void this.flush(conversation, tab), SERVER_MS));
  }

  /** The list hears of it at a pause, too: everything that shows the conversation is drawn anew when it does. */
  #pause(conversation: ID, tab: Tab) {
    const key = this.#key(conversation, tab);
    this.#keep(key);
    const draft = this.#drafts.get(key);
    if (tab === 'reply' && draft) conversations.setDraft(conversation, draft.text.trim());
  }

  /** Takes up what a reload left on this device alone, so that the list and the server know of it. */
  resume() {
    const mine = `draft.${session.me!.id}.`;
    for (const key of keptKeys(mine)) {
      const draft = kept<KeptDraft>(key);
      if (!draft || draft.saved || this.#drafts.has(key)) continue;
      this.#drafts.set(key, draft);
      const [conversation, tab] = key.slice(mine.length).split('.');
      void this.flush(conversation, tab as Tab);
    }
  }

  /** What the next pause would keep is kept now: the page is about to go. */
  keepAll() {
    for (const key of this.#local.keys()) this.#keep(key);
  }

  #keep(key: string) {
    clearTimeout(this.#local.get(key));
    this.#local.delete(key);
    const draft = this.#drafts.get(key);
    if (draft && (draft.text || draft.reply_to || draft.files.length)) keep(key, draft);
    else forget(key);
  }

  /** On blur and every three seconds. A failure leaves it unsaved: the next keystroke or return tries again. */
  async flush(conversation: ID, tab: Tab) {
    const key = this.#key(conversation, tab);
    clearTimeout(this.#server.get(key));
    this.#server.delete(key);
    const draft = this.#drafts.get(key);
    if (!draft) return; // nothing was written in this page: what the device remembers stays
    this.#pause(conversation, tab);
    if (draft.saved) return;
    try {
      if (draft.text || draft.reply_to) await api('PUT', `/conversations/${conversation}/draft`, { tab, text: draft.text, reply_to: draft.reply_to }, { once: true });
      else await api('DELETE', `/conversations/${conversation}/draft?tab=${tab}`, undefined, { once: true });
      if (this.#drafts.get(key) === draft) {
        this.#drafts.set(key, { ...draft, saved: true });
        this.#pause(conversation, tab);
      }
    } catch (error) {
      if (!asRefusal(error).retryable) this.#drafts.set(key, { ...draft, saved: true }); // refused for good: it stays on this device
    }
  }

  clear(conversation: ID, tab: Tab) {
    this.set(conversation, tab, '', undefined, []);
    void this.flush(conversation, tab);
  }

  /** Fetches what was written elsewhere; the newer text wins, the older is offered. */
  async fetch(conversation: ID): Promise<void> {
    if (this.#asked.has(conversation)) return;
    this.#asked.add(conversation);
    const { items } = await api<Page<Draft>>('GET', `/conversations/${conversation}/draft`);
    for (const theirs of items) {
      const mine = this.get(conversation, theirs.tab);
      if (!theirs.text || mine?.text === theirs.text) continue;
      if (mine && !mine.saved && mine.at > Date.parse(theirs.updated_at)) continue;
      if (mine?.text) this.replaced = { conversation, tab: theirs.tab, text: mine.text };
      this.#drafts.set(this.#key(conversation, theirs.tab), {
        text: theirs.text, reply_to: theirs.reply_to, files: mine?.files ?? [], at: Date.parse(theirs.updated_at), saved: true,
      });
    }
  }

  forgetAll() {
    this.#drafts.clear();
    this.#asked.clear();
    this.#tabs.clear();
  }
}

export const drafts = new Drafts();

addEventListener('pagehide', () => drafts.keepAll());
