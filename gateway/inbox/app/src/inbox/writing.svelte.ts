/**
 * What is being written in one conversation. It is made for that conversation and never given another, so whatever ends late,
 * an upload or an answer, ends where it began; the composer stays and changes what it shows.
 */
import { asRefusal, type Refusal } from '../lib/api/client';
import type { ID, SendMessage } from '../lib/api/types';
import { drafts, type Tab } from '../lib/state/drafts.svelte';
import { live } from '../lib/state/live.svelte';
import { outbox, type Returned } from '../lib/state/outbox.svelte';
import type { Unsent } from '../lib/model/outbox';
import type { Thread } from '../lib/state/threads.svelte';
import { Tray } from './tray.svelte';

export class Writing {
  text = $state('');
  replyTo = $state<ID>();
  tray = $state.raw() as Tray;
  wantsTemplate = $state(false);
  emoji = $state(false);
  /** “Merve is replying. Send anyway?” is asked once. */
  warned = $state(false);
  refusal = $state.raw<Refusal | null>(null);
  /** What follows a slash, and where that is. */
  canned = $state.raw<{ query: string; from: number } | null>(null);

  constructor(readonly id: ID) {
    this.#fresh();
  }

  get tab(): Tab {
    return drafts.tab(this.id);
  }
  get draft() {
    return drafts.get(this.id, this.tab);
  }

  #fresh() {
    this.tray = new Tray(this.id);
    this.tray.changed = () => this.changed();
    this.wantsTemplate = this.emoji = this.warned = false;
    this.refusal = this.canned = null;
  }

  /** Its conversation is opened: nothing of the last time is left but the draft, which `load` fetches. */
  open() {
    this.#fresh();
    this.load();
  }

  /** Takes the draft of the tab. */
  load() {
    const draft = this.draft;
    this.text = draft?.text ?? '';
    this.replyTo = draft?.reply_to;
    this.tray.restore(draft?.files ?? []);
  }

  /** Asks for what was written elsewhere. */
  async fetch() {
    try {
      await drafts.fetch(this.id);
      if (this.draft?.text !== this.text) this.load();
    } catch (error) {
      const refusal = asRefusal(error);
      this.refusal = refusal.retryable ? null : refusal;
    }
  }

  /** Another conversation is opened, or none. */
  leave() {
    void drafts.flush(this.id, this.tab);
    this.tray.stop();
  }

  changed() {
    drafts.set(this.id, this.tab, this.text, this.replyTo, this.tray.ready.map(({ media, name }) => ({ id: media!.id, name, type: media!.type, size: media!.size ?? 0 })));
    if (this.tab === 'reply') live.viewing(this.id, this.text.trim() !== '');
  }

  /** What was sent and refused goes back into the box. */
  takeBack({ unsent, refusal }: Returned) {
    this.refusal = refusal;
    drafts.setTab(this.id, unsent.body.note ? 'note' : 'reply');
    if (unsent.body.text && !this.text.includes(unsent.body.text)) this.text = unsent.body.text + (this.text ? '\n' + this.text : '');
    this.replyTo ??= unsent.body.reply_to;
    this.changed();
  }

  send() {
    const { id, tab, tray } = this;
    const note = tab === 'note';
    this.warned = false;
    this.refusal = null;
    const body: SendMessage = {};
    if (this.text.trim()) body.text = this.text.trim();
    if (note) body.note = true;
    if (this.replyTo && !note) body.reply_to = this.replyTo;
    if (tray.ready.length) body.attachments = tray.ready.map((f) => f.media!.id);
    const files: Unsent['files'] = tray.ready.map((f) => ({ name: f.name, type: f.media!.type }));
    this.text = '';
    this.replyTo = undefined;
    tray.clear();
    this.canned = null;
    drafts.set(id, tab, '', undefined, []);
    live.viewing(id, false);
    outbox.send(id, body, files);
  }
}

const all = new WeakMap<Thread, Writing>();

/** The one of an open thread. */
export function writingOf(thread: Thread): Writing {
  let writing = all.get(thread);
  if (!writing) all.set(thread, (writing = new Writing(thread.id)));
  return writing;
}
