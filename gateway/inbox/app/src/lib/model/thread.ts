/**
 * A thread as a value: what is known of one conversation, and how events change it. Events carry a contiguous seq; one that
 * leaves a gap is not applied, and the caller asks the record for what lies between.
 */
import type { ID, Message, MessageStatus, ThreadEvent } from '../api/types';

export interface ThreadState {
  /** Ordered by (sort_at, seq). */
  messages: Message[];
  /** Events that show as a line of their own, by seq. */
  events: ThreadEvent[];
  /** Everything up to this seq has been applied. */
  seq: number;
}

export const emptyThread: ThreadState = { messages: [], events: [], seq: 0 };

const RANK: Partial<Record<MessageStatus, number>> = {
  pending: 1, sending: 2, unknown: 3, sent: 4, delivered: 5, read: 6, played: 7,
};

/** The same rule as chat.MessageStatus.Merge: forward only; a failure counts until it was delivered. */
export function mergeStatus(from: MessageStatus, to: MessageStatus): MessageStatus {
  if (from === 'received' || from === to) return from;
  const a = RANK[from] ?? 0;
  const b = RANK[to] ?? 0;
  if (to === 'failed') return a <= RANK.sent! ? to : from;
  if (from === 'failed') return b >= RANK.delivered! ? to : from;
  return b > a ? to : from;
}

/** The newer of two views of a message: a later attempt wins whole, else the status may only go forward. */
export function mergeMessage(old: Message | undefined, next: Message): Message {
  if (!old) return next;
  if (next.attempt < old.attempt) return old;
  if (next.attempt > old.attempt) return next;
  const status = mergeStatus(old.status, next.status);
  return status === next.status ? next : { ...next, status, error: status === old.status ? old.error : next.error };
}

export function compareMessages(a: Message, b: Message): number {
  const at = Date.parse(a.sort_at) - Date.parse(b.sort_at);
  return at || a.seq - b.seq;
}

/** Most changes touch one message or add to an end; only what moves costs a sort of the whole thread. */
export function putMessages(messages: Message[], changes: Message[]): Message[] {
  if (!changes.length) return messages;
  const out = [...messages];
  const place = new Map(out.map((m, i) => [m.id, i]));
  const fresh = new Map<ID, Message>();
  let moved = false;
  for (const m of changes) {
    const at = place.get(m.id);
    if (at === undefined) {
      fresh.set(m.id, mergeMessage(fresh.get(m.id), m));
      continue;
    }
    const merged = mergeMessage(out[at], m);
    moved ||= compareMessages(out[at], merged) !== 0;
    out[at] = merged;
  }
  const added = [...fresh.values()].sort(compareMessages);
  if (moved) return [...out, ...added].sort(compareMessages);
  if (!added.length || !out.length) return added.length ? added : out;
  if (compareMessages(out[out.length - 1], added[0]) < 0) return [...out, ...added];
  if (compareMessages(added[added.length - 1], out[0]) < 0) return [...added, ...out];
  return [...out, ...added].sort(compareMessages);
}

const LINES = new Set(['queued', 'assigned', 'pended', 'ended', 'reopened', 'window', 'identity', 'referral', 'call', 'opt_out', 'opt_in']);

export function putEvents(events: ThreadEvent[], changes: ThreadEvent[]): ThreadEvent[] {
  const lines = changes.filter((e) => LINES.has(e.kind) && e.data?.type !== 'name'); // a contact's name is in the header already
  if (!lines.length) return events;
  const bySeq = new Map(events.map((e) => [e.seq, e]));
  for (const e of lines) bySeq.set(e.seq, e);
  return [...bySeq.values()].sort((a, b) => a.seq - b.seq);
}

/** Applies what continues the state. Duplicates change nothing; `gap` says that something between is missing. */
export function applyEvents(state: ThreadState, incoming: ThreadEvent[]): { state: ThreadState; gap: boolean } {
  const fresh = incoming.filter((e) => e.seq > state.seq).sort((a, b) => a.seq - b.seq);
  let seq = state.seq;
  const take: ThreadEvent[] = [];
  for (const event of fresh) {
    if (event.seq === seq) continue;
    if (event.seq !== seq + 1) break;
    take.push(event);
    seq = event.seq;
  }
  const gap = fresh.some((e) => e.seq > seq);
  if (!take.length) return { state, gap };
  return {
    gap,
    state: {
      messages: putMessages(state.messages, take.flatMap((e) => (e.message ? [e.message] : []))),
      events: putEvents(state.events, take),
      seq,
    },
  };
}

export type Row =
  | { type: 'day'; key: string; at: string }
  | { type: 'unread'; key: string; count: number }
  | { type: 'message'; key: string; message: Message; joined: boolean; joinsNext: boolean }
  | { type: 'events'; key: string; events: ThreadEvent[] };

const JOIN_MS = 60_000;
const FOLD_FROM = 3;

export interface RowOptions {
  /** Messages after this seq are new; they get the divider. Fixed when the conversation is opened. */
  readSeq?: number;
  /** Events older than the first loaded message wait until that page is loaded. */
  complete: boolean;
  /** Only messages from…to, by index, and what happened between them. What a thread costs must not grow with its length. */
  from?: number;
  to?: number;
}

/** What the thread shows, in order: day groups, the unread divider, messages joined by sender, events folded from three. */
export function rows(messages: Message[], events: ThreadEvent[], { readSeq, complete, from = 0, to = messages.length }: RowOptions): Row[] {
  const part = messages.slice(from, to);
  const [before, first, after] = [messages[from - 1], part[0], messages[to]];
  const started = (e: ThreadEvent) => !first || (complete && from === 0) || e.seq > first.seq || e.at >= first.sort_at;
  const over = (e: ThreadEvent) => !!after && Date.parse(e.at) >= Date.parse(after.sort_at);
  const all: ({ at: string; seq: number } & ({ message: Message } | { event: ThreadEvent }))[] = [
    ...part.map((message) => ({ at: message.sort_at, seq: message.seq, message })),
    ...events.filter((e) => started(e) && !over(e)).map((event) => ({ at: event.at, seq: event.seq, event })),
  ].sort((a, b) => Date.parse(a.at) - Date.parse(b.at) || a.seq - b.seq);

  const unread = (m: Message) => readSeq !== undefined && m.direction === 'in' && m.seq > readSeq;
  const firstUnread = readSeq === undefined ? undefined : messages.find(unread)?.id;
  const out: Row[] = [];
  let day = before ? new Date(before.sort_at).toDateString() : '';
  let previous = before as Message | undefined; // of the row above, if that is a message
  for (const item of all) {
    const itsDay = new Date(item.at).toDateString();
    if (itsDay !== day) {
      out.push({ type: 'day', key: `day-${itsDay}`, at: item.at });
      previous = undefined;
    }
    day = itsDay;
    const last = out.at(-1);
    if ('event' in item) {
      previous = undefined;
      if (last?.type === 'events') last.events.push(item.event);
      else out.push({ type: 'events', key: `ev-${item.event.seq}`, events: [item.event] });
      continue;
    }
    const m = item.message;
    if (m.id === firstUnread) {
      out.push({ type: 'unread', key: 'unread', count: messages.filter(unread).length });
      previous = undefined;
    }
    const joined = !!previous && joins(previous, m);
    if (joined && last?.type === 'message') last.joinsNext = true;
    out.push({ type: 'message', key: m.id, message: m, joined, joinsNext: false });
    previous = m;
  }
  return out;
}

export function folds(events: ThreadEvent[]): boolean {
  return events.length >= FOLD_FROM;
}

function joins(a: Message, b: Message): boolean {
  return (
    a.direction === b.direction &&
    a.direction !== 'note' &&
    a.agent_id === b.agent_id &&
    !b.reply_to &&
    Date.parse(b.sort_at) - Date.parse(a.sort_at) <= JOIN_MS
  );
}

/** A quoted message, wherever it is. */
export function find(messages: Message[], id: ID | undefined): Message | undefined {
  return id ? messages.find((m) => m.id === id) : undefined;
}
