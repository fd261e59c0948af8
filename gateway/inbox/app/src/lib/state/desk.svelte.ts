/** What the desk is made of: departments, agents, accounts, reasons, canned replies. Loaded once, refreshed when told. */
import { api, asRefusal, query, type Refusal } from '../api/client';
import type {
  Agent, BreakReason, CannedReply, ChannelAccount, Department, DeskLists, EndReason, ID, KindInfo, ServerFrame,
} from '../api/types';
import { known, t } from '../i18n/i18n.svelte';
import { Gatherer } from './gatherer';

export type Resource = Exclude<keyof DeskLists, 'versions'>;
type Versions = Partial<Record<string, number>>;

const ALL: readonly Resource[] = ['departments', 'agents', 'accounts', 'kinds', 'end_reasons', 'break_reasons', 'canned_replies'];
const PATIENT_MS = 30_000; // a question that hangs would hold up all later ones
const FRESH_MS = 10_000;
const FORM_MS = 5_000; // a form whose deed is done does not wait longer for its list

class Desk {
  departments = $state.raw<Department[]>([]);
  agents = $state.raw<Agent[]>([]);
  accounts = $state.raw<ChannelAccount[]>([]);
  kinds = $state.raw<KindInfo[]>([]);
  end_reasons = $state.raw<EndReason[]>([]);
  break_reasons = $state.raw<BreakReason[]>([]);
  canned_replies = $state.raw<CannedReply[]>([]);
  loaded = $state(false);
  /** What the reading of a list after a deed was refused with, for its page to say; until it is read. */
  unread = $state.raw<Partial<Record<Resource, Refusal>>>({});
  /** When each was last asked for, without a failure. */
  #asked: Partial<Record<Resource, number>> = {};
  /** The version each is known to have: as its answer said, and what had been told when it was asked for. */
  #has: Versions = {};
  /** The latest version that the stream told of each: it may have missed the notice of the change itself. */
  #told: Versions = {};
  /** What was heard while an answer was on its way, which may be older. */
  #heard: ServerFrame[] | undefined;
  #lists = this.#gatherer();

  #department = $derived(new Map(this.departments.map((d) => [d.id, d])));
  #agent = $derived(new Map(this.agents.map((a) => [a.id, a])));
  #account = $derived(new Map(this.accounts.map((a) => [a.id, a])));
  #kind = $derived(new Map(this.kinds.map((k) => [k.kind, k])));

  department = (id: ID | undefined) => (id ? this.#department.get(id) : undefined);
  agent = (id: ID | undefined) => (id ? this.#agent.get(id) : undefined);
  account = (id: ID | undefined) => (id ? this.#account.get(id) : undefined);
  kind = (kind: string | undefined) => (kind ? this.#kind.get(kind) : undefined);
  kindOf = (account: ID) => this.account(account)?.kind ?? '';
  kindLabel(kind: string): string {
    const key = known(`channel.${kind}`);
    return key ? t(key) : (this.kind(kind)?.label ?? kind);
  }
  agentName = (id: ID | undefined) => this.agent(id)?.name ?? (this.loaded ? t('agent.unknown') : '');
  breakReason = (id: ID | undefined) => this.break_reasons.find((r) => r.id === id)?.label;

  async start() {
    await this.#lists.read(ALL);
    this.loaded = true;
  }

  /**
   * Reads a list again, after a deed of one's own: what is there then was asked for after this call. The deed is done, whatever becomes
   * of this: false says that the list is not here (yet), which is not for its form to say but for the page (unread). It is still asked for.
   */
  reload(resource: Resource): Promise<boolean> {
    const lists = this.#lists;
    const read = lists.read([resource]).then(
      () => true,
      (error) => {
        if (lists === this.#lists) this.unread = { ...this.unread, [resource]: asRefusal(error) }; // or else nobody is there any more
        lists.hear([resource]);
        return false;
      },
    );
    return Promise.race([read, new Promise<boolean>((late) => setTimeout(() => late(false), FORM_MS))]);
  }

  /** Everything may have changed. */
  stale() {
    this.#lists.hear(ALL);
  }

  /** Somebody looks at what is nobody's news: it is read again, unless it just was. */
  lookUp(resource: Resource) {
    if (Date.now() - (this.#asked[resource] ?? 0) > FRESH_MS) this.#lists.hear([resource]);
  }

  /** Nobody is signed in any more: what is on its way is for nobody. */
  stop() {
    this.#lists.end();
    this.#lists = this.#gatherer();
    this.#heard = undefined;
    this.unread = {};
    this.#asked = {};
    this.#has = {};
    this.#told = {};
  }

  #gatherer() {
    return new Gatherer<Resource>((names) => this.#ask(names));
  }

  async #ask(names: Resource[]) {
    const heard: ServerFrame[] = (this.#heard = []);
    const only = names.length < ALL.length ? names.join(',') : undefined;
    const told = this.#told;
    for (const name of names) this.#asked[name] = Date.now();
    try {
      const lists = await api<DeskLists>('GET', '/desk' + query({ only }), undefined, { signal: AbortSignal.timeout(PATIENT_MS) });
      if (this.#heard !== heard) return;
      for (const name of names) {
        if (lists[name]) (this as unknown as Record<Resource, unknown[]>)[name] = lists[name];
        this.#has[name] = Math.max(lists.versions?.[name] ?? -1, told[name] ?? -1); // an old gateway says none
      }
      if (names.some((name) => this.unread[name])) this.unread = Object.fromEntries(Object.entries(this.unread).filter(([name]) => !names.includes(name as Resource)));
      for (const frame of heard) this.#change(frame);
    } catch (error) {
      for (const name of names) delete this.#asked[name];
      throw error;
    } finally {
      if (this.#heard === heard) {
        this.#heard = undefined;
        this.#compare();
      }
    }
  }

  /** Lists that are older than what was told are read again; those that are being read, when they are there. */
  #compare() {
    if (!this.#heard) this.#lists.hear(ALL.filter((name) => (this.#told[name] ?? -1) > (this.#has[name] ?? Infinity)));
  }

  onFrame(frame: ServerFrame) {
    this.#heard?.push(frame);
    this.#change(frame);
    if (frame.type === 'welcome') {
      this.#told = frame.versions ?? {};
      this.#lists.again();
      this.#compare();
    }
    if (frame.type === 'settings' && frame.version === undefined) this.#lists.hear(ALL.filter((resource) => resource === frame.what));
    if (frame.type === 'settings' && frame.version !== undefined) {
      this.#told = { ...this.#told, [frame.what]: frame.version };
      this.#compare();
    }
  }

  #change(frame: ServerFrame) {
    switch (frame.type) {
      case 'presence':
        this.agents = this.agents.map((a) =>
          a.id === frame.agent_id
            ? { ...a, presence: frame.presence, break_reason: frame.break_reason, presence_since: frame.since, load: frame.load ?? a.load, capacity: frame.capacity ?? a.capacity }
            : a,
        );
        break;
      case 'account':
        this.accounts = this.accounts.map((a) =>
          a.id === frame.account_id ? { ...a, state: frame.state as ChannelAccount['state'], state_reason: frame.state_reason } : a,
        );
        break;
    }
  }
}

export const desk = new Desk();
