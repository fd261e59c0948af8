/** What the desk is made of: departments, agents, accounts, reasons, canned replies. Loaded once, refreshed when told. */
import { api } from '../api/client';
import type {
  Agent, BreakReason, CannedReply, ChannelAccount, Department, EndReason, ID, KindInfo, Page, ServerFrame,
} from '../api/types';
import { known, t } from '../i18n/i18n.svelte';

const PATHS = {
  departments: '/departments',
  agents: '/agents',
  accounts: '/channel-accounts',
  kinds: '/channel-kinds',
  end_reasons: '/end-reasons',
  break_reasons: '/break-reasons',
  canned_replies: '/canned-replies',
} as const;

export type Resource = keyof typeof PATHS;

/** All of a list, page by page. */
export async function all<T>(path: string): Promise<T[]> {
  const items: T[] = [];
  for (let cursor: string | undefined = ''; cursor !== undefined; ) {
    const separator = path.includes('?') ? '&' : '?';
    const page: Page<T> = await api<Page<T>>('GET', `${path}${separator}limit=100${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ''}`);
    items.push(...page.items);
    cursor = page.next || undefined;
  }
  return items;
}

class Desk {
  departments = $state.raw<Department[]>([]);
  agents = $state.raw<Agent[]>([]);
  accounts = $state.raw<ChannelAccount[]>([]);
  kinds = $state.raw<KindInfo[]>([]);
  end_reasons = $state.raw<EndReason[]>([]);
  break_reasons = $state.raw<BreakReason[]>([]);
  canned_replies = $state.raw<CannedReply[]>([]);
  loaded = $state(false);
  /** How often each was asked for: an answer that a later one overtook is dropped. */
  #asked: Partial<Record<Resource, number>> = {};
  /** What was heard while an answer was on its way, which may be older. */
  #heard: Partial<Record<Resource, ServerFrame[]>> = {};

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
    await Promise.all((Object.keys(PATHS) as Resource[]).map((r) => this.reload(r)));
    this.loaded = true;
  }

  async reload(resource: Resource) {
    const asked = (this.#asked[resource] = (this.#asked[resource] ?? 0) + 1);
    this.#heard[resource] ??= [];
    try {
      const items = await all(PATHS[resource]);
      if (asked !== this.#asked[resource]) return;
      (this as unknown as Record<Resource, unknown[]>)[resource] = items;
      for (const frame of this.#heard[resource] ?? []) this.#change(frame);
    } finally {
      if (asked === this.#asked[resource]) delete this.#heard[resource];
    }
  }

  onFrame(frame: ServerFrame) {
    if (frame.type === 'presence') this.#heard.agents?.push(frame);
    if (frame.type === 'account') this.#heard.accounts?.push(frame);
    this.#change(frame);
    if (frame.type === 'settings' && frame.what in PATHS) void this.reload(frame.what as Resource).catch(() => {}); // the next resync fetches it again
  }

  #change(frame: ServerFrame) {
    switch (frame.type) {
      case 'presence':
        this.agents = this.agents.map((a) =>
          a.id === frame.agent_id
            ? { ...a, presence: frame.presence, break_reason: frame.break_reason, presence_since: frame.since, load: frame.load, capacity: frame.capacity }
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
