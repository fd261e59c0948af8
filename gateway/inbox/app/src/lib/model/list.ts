/**
 * A conversation list as a value. While it is in use its rows keep their place: what should change waits in `target` until
 * the person applies it. Rows that the person's own deed took away leave at once.
 */
import type { Conversation, ID } from '../api/types';

export type View = 'mine' | 'queue' | 'pending' | 'expiring' | 'history' | 'all';
export const VIEWS: View[] = ['mine', 'queue', 'pending', 'expiring', 'history', 'all'];
export type Sort = 'newest' | 'waiting' | 'expiring';

export interface ListQuery {
  view: View;
  department?: string;
  channel?: string;
  account?: string;
  q?: string;
  sort: Sort;
}

/** What waits to be read: in an ended conversation nothing does. */
export const unreadOf = (c: Conversation | undefined) => (c && c.status !== 'closed' ? c.unread : 0);

export function defaultSort(view: View): Sort {
  return sortsOf(view)[0];
}

/** The orders that a view can be in; the first is its default. */
export function sortsOf(view: View): Sort[] {
  return view === 'queue' ? ['waiting', 'newest'] : view === 'expiring' ? ['expiring', 'newest'] : ['newest'];
}

export function queryKey(q: ListQuery): string {
  return [q.view, q.department, q.channel, q.account, q.q, q.sort].map((v) => v ?? '').join('|');
}

const TWO_HOURS = 7_200_000;

/** Whether a conversation is in a view. undefined: only the server can tell (text search). */
export function belongs(q: ListQuery, c: Conversation, me: ID, kind: string, now: number): boolean | undefined {
  if (q.department && c.department_id !== q.department) return false;
  if (q.account && c.account_id !== q.account) return false;
  if (q.channel && kind !== q.channel) return false;
  if (!inView(q.view, c, me, now)) return false;
  return q.q ? undefined : true;
}

function inView(view: View, c: Conversation, me: ID, now: number): boolean {
  switch (view) {
    case 'mine':
      return c.status === 'assigned' && c.agent_id === me;
    case 'queue':
      return c.status === 'waiting';
    case 'pending':
      return c.status === 'pending' && c.agent_id === me;
    case 'expiring': {
      const shuts = c.window.shuts_at ? Date.parse(c.window.shuts_at) : 0;
      const concerns = c.status === 'waiting' || (c.agent_id === me && c.status !== 'closed');
      return concerns && shuts > now && shuts - now <= TWO_HOURS;
    }
    case 'history':
      return c.status === 'closed';
    case 'all':
      return true;
  }
}

/** The order of a list; the id breaks ties so that two tabs agree. */
export function compareConversations(sort: Sort): (a: Conversation, b: Conversation) => number {
  const at = (v: string | undefined) => (v ? Date.parse(v) : Infinity);
  const tie = (a: Conversation, b: Conversation) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0);
  switch (sort) {
    case 'newest':
      return (a, b) => Date.parse(b.last_message_at) - Date.parse(a.last_message_at) || -tie(a, b);
    case 'waiting':
      return (a, b) => cmp(at(a.waiting_since), at(b.waiting_since)) || tie(a, b);
    case 'expiring':
      return (a, b) => cmp(at(a.window.shuts_at), at(b.window.shuts_at)) || tie(a, b);
  }
}

const cmp = (a: number, b: number) => (a === b ? 0 : a < b ? -1 : 1);

export interface ListState {
  /** What is on the screen, in its order. */
  shown: ID[];
  /** What should be. */
  target: ID[];
}

/** Puts one changed conversation where it belongs in the target. Beyond the last loaded row of an unfinished list nothing is known. */
export function place(
  target: ID[],
  byId: (id: ID) => Conversation | undefined,
  changed: Conversation,
  is: boolean | undefined,
  sort: Sort,
  more: boolean,
): ID[] {
  const had = target.includes(changed.id);
  if (is === undefined) return target;
  if (!is) return had ? target.filter((id) => id !== changed.id) : target;
  const compare = compareConversations(sort);
  const others = target.filter((id) => id !== changed.id);
  let at = others.findIndex((id) => {
    const other = byId(id);
    return other !== undefined && compare(changed, other) < 0;
  });
  if (at < 0) {
    if (more && !had) return target;
    at = others.length;
  }
  if (had && target[at] === changed.id) return target;
  return [...others.slice(0, at), changed.id, ...others.slice(at)];
}

/** What follows the last shown row in the target: it can be shown, and no row moves. */
export function below(shown: readonly ID[], target: readonly ID[]): ID[] {
  const have = new Set(shown);
  let last = target.length - 1;
  while (last >= 0 && !have.has(target[last])) last--;
  return target.slice(last + 1);
}

/** Applies the target, or while frozen keeps the rows where they are; own departures go in both cases. An empty list has nothing to keep. */
export function settle(state: ListState, frozen: boolean, ownLeft: ReadonlySet<ID>): ListState {
  if (!frozen || !state.shown.length) return state.shown === state.target ? state : { shown: state.target, target: state.target };
  const inTarget = new Set(state.target);
  const shown = state.shown.filter((id) => inTarget.has(id) || !ownLeft.has(id));
  return shown.length === state.shown.length ? state : { ...state, shown };
}

/** How many conversations wait to move up or to come in. */
export function waitingChanges(state: ListState): number {
  if (state.shown === state.target) return 0;
  const place = new Map(state.shown.map((id, i) => [id, i]));
  const staying = new Set(state.target);
  // Ranks among the rows that stay, so that one departure does not count as a move of everything below it.
  const before = state.shown.filter((id) => staying.has(id));
  const after = state.target.filter((id) => place.has(id));
  const rank = new Map(before.map((id, i) => [id, i]));
  let waiting = state.target.length - after.length;
  let least = Infinity;
  for (let i = after.length - 1; i >= 0; i--) {
    const r = rank.get(after[i])!;
    if (r > least) waiting++;
    else least = r;
  }
  return waiting;
}

/** Rows that are gone from the target but still shown. */
export function leaving(state: ListState): Set<ID> {
  const inTarget = new Set(state.target);
  return new Set(state.shown.filter((id) => !inTarget.has(id)));
}
