import { describe, expect, test } from 'vitest';
import type { Message, ThreadEvent } from '../api/types';
import { applyEvents, compareMessages, emptyThread, mergeMessage, mergeStatus, putMessages, rows, type Row, type ThreadState } from './thread';

const message = (seq: number, fields: Partial<Message> = {}): Message => ({
  id: `m${seq}`, conversation_id: 'c', seq, direction: 'in', kind: 'text', text: `text ${seq}`, status: 'received', source: 'contact',
  created_at: `2026-11-12T10:${String(seq).padStart(2, '0')}:00Z`, sort_at: `2026-11-12T10:${String(seq).padStart(2, '0')}:00Z`, attempt: 1, ...fields,
});
const event = (seq: number, fields: Partial<ThreadEvent> = {}): ThreadEvent => ({ conversation_id: 'c', seq, kind: 'message', at: '2026-11-12T10:00:00Z', message: message(seq), ...fields });
const at = (seq: number): ThreadState => ({ ...emptyThread, seq });

describe('events', () => {
  test('what continues is applied and moves the mark', () => {
    const { state, gap } = applyEvents(at(3), [event(4), event(5)]);
    expect(gap).toBe(false);
    expect(state.seq).toBe(5);
    expect(state.messages.map((m) => m.seq)).toEqual([4, 5]);
  });
  test('a gap applies nothing beyond it and is told', () => {
    const { state, gap } = applyEvents(at(3), [event(4), event(6)]);
    expect(gap).toBe(true);
    expect(state.seq).toBe(4);
    expect(state.messages.map((m) => m.seq)).toEqual([4]);
  });
  test('a contact’s new name is no line, a new number is', () => {
    const change = (seq: number, type: string) => event(seq, { kind: 'identity', message: undefined, data: { type } });
    const { state, gap } = applyEvents(at(3), [change(4, 'name'), change(5, 'phone')]);
    expect(gap).toBe(false);
    expect(state.seq).toBe(5);
    expect(state.events.map((e) => e.seq)).toEqual([5]);
  });
  test('a duplicate frame changes nothing', () => {
    const once = applyEvents(at(3), [event(4)]).state;
    const twice = applyEvents(once, [event(4)]);
    expect(twice.state).toBe(once);
    expect(twice.gap).toBe(false);
  });
  test('events of one frame are applied in order of seq, whatever their order in it', () => {
    const { state, gap } = applyEvents(at(0), [event(3), event(1), event(2)]);
    expect(gap).toBe(false);
    expect(state.seq).toBe(3);
  });
  test('frames that arrive in the wrong order end in the same state', () => {
    const late = applyEvents(at(0), [event(2)]);
    expect(late.gap).toBe(true);
    const caughtUp = applyEvents(late.state, [event(1), event(2)]);
    const again = applyEvents(caughtUp.state, [event(1)]);
    expect(again.state.seq).toBe(2);
    expect(again.state.messages).toHaveLength(2);
  });
});

describe('status', () => {
  test('only goes forward', () => {
    expect(mergeStatus('read', 'delivered')).toBe('read');
    expect(mergeStatus('sent', 'read')).toBe('read');
    expect(mergeStatus('sending', 'unknown')).toBe('unknown');
    expect(mergeStatus('unknown', 'delivered')).toBe('delivered');
  });
  test('a failure counts until it was delivered', () => {
    expect(mergeStatus('sent', 'failed')).toBe('failed');
    expect(mergeStatus('delivered', 'failed')).toBe('delivered');
    expect(mergeStatus('failed', 'sent')).toBe('failed');
    expect(mergeStatus('failed', 'read')).toBe('read');
  });
  test('an incoming message stays received', () => expect(mergeStatus('received', 'read')).toBe('received'));
  test('a later attempt starts anew, an earlier one is ignored', () => {
    const failed = message(1, { status: 'failed', attempt: 1, direction: 'out' });
    const retried = message(1, { status: 'pending', attempt: 2, direction: 'out' });
    expect(mergeMessage(failed, retried).status).toBe('pending');
    expect(mergeMessage(retried, failed)).toBe(retried);
  });
  test('an old status keeps the newer error away', () => {
    const read = message(1, { status: 'read', direction: 'out' });
    expect(mergeMessage(read, message(1, { status: 'failed', direction: 'out', error: { code: 'undeliverable' } })).error).toBeUndefined();
  });
});

test('messages are ordered by (sort_at, seq), so a late one finds its place', () => {
  const late = message(9, { sort_at: '2026-11-12T10:01:30Z' });
  const twin = message(3, { sort_at: '2026-11-12T10:01:30Z' });
  expect(putMessages([message(1), message(2)], [late, twin]).map((m) => m.seq)).toEqual([1, 3, 9, 2]);
});

test('putting what is known already, and what lies between, gives what sorting all of it would', () => {
  const all = Array.from({ length: 40 }, (_, i) => message(i + 1, { sort_at: `2026-11-12T10:${String(i).padStart(2, '0')}:00Z` }));
  const later = message(5, { sort_at: '2026-11-12T10:30:30Z' });
  for (const [have, put] of [[all.slice(20), all.slice(10, 30)], [all.slice(0, 20), all.slice(10)], [all.filter((_, i) => i % 2), all.filter((_, i) => i % 3 === 0)], [[], [all[3], all[1]]], [all, [later]]]) {
    const want = [...new Map([...have, ...put].map((m) => [m.id, m])).values()].sort(compareMessages).map((m) => m.id);
    expect(putMessages(have, put).map((m) => m.id)).toEqual(want);
  }
});

describe('rows', () => {
  test('a part of a thread looks as it does in the whole', () => {
    const at = (i: number) => new Date(Date.UTC(2026, 10, 10, 20) + i * 20 * 60_000 + (i % 2) * -19.5 * 60_000).toISOString(); // pairs, half a minute apart, over midnight
    const list = Array.from({ length: 30 }, (_, i) => message(2 * i + 1, { sort_at: at(i) }));
    const events = list.filter((_, i) => i % 4 === 3).map((m): ThreadEvent => ({ conversation_id: 'c', seq: m.seq + 1, kind: 'assigned', at: m.sort_at }));
    const looks = (r: Row) => (r.type === 'message' ? { key: r.key, joined: r.joined } : r); // the next one may not be there
    const whole = rows(list, events, { complete: true, readSeq: 31 }).map(looks);
    const key = (m: Message) => whole.findIndex((r) => r.key === m.id);
    for (let from = 0; from < list.length; from++) {
      for (const to of [from + 1, from + 7, list.length]) {
        if (to > list.length) continue;
        const part = rows(list, events, { complete: true, readSeq: 31, from, to }).map(looks);
        const start = whole.findIndex((r) => r.key === part[0].key);
        expect(part).toEqual(whole.slice(start, start + part.length));
        expect([start <= key(list[from]), start + part.length > key(list[to - 1])]).toEqual([true, true]);
      }
    }
  });
  test('one sender within a minute is joined, a pause or another sender is not', () => {
    const list = [
      message(1, { sort_at: '2026-11-12T10:00:00Z' }), message(2, { sort_at: '2026-11-12T10:00:30Z' }), message(3, { sort_at: '2026-11-12T10:05:00Z' }), message(4, { sort_at: '2026-11-12T10:05:10Z', direction: 'out', agent_id: 'a' }),
    ];
    const joined = rows(list, [], { complete: true }).flatMap((r) => (r.type === 'message' ? [r.joined] : []));
    expect(joined).toEqual([false, true, false, false]);
  });
  test('the divider stands before the first unread message and says how many', () => {
    const list = rows([message(1), message(2), message(3)], [], { complete: true, readSeq: 1 });
    const at = list.findIndex((r) => r.type === 'unread');
    expect(list[at]).toMatchObject({ count: 2 });
    expect(list[at + 1]).toMatchObject({ key: 'm2', joined: false });
  });
  test('each day begins once', () => {
    const list = rows([message(1, { sort_at: '2026-11-11T10:00:00Z' }), message(2), message(3)], [], { complete: true });
    expect(list.filter((r) => r.type === 'day')).toHaveLength(2);
  });
  test('events in a row are one row', () => {
    const line = (seq: number): ThreadEvent => ({ conversation_id: 'c', seq, kind: 'assigned', at: '2026-11-12T10:00:00Z' });
    expect(rows([], [line(1), line(2), line(3)], { complete: true }).filter((r) => r.type === 'events')).toHaveLength(1);
  });
  test('events older than what is loaded wait for their page', () => {
    const old: ThreadEvent = { conversation_id: 'c', seq: 1, kind: 'queued', at: '2026-11-12T09:00:00Z' };
    expect(rows([message(5)], [old], { complete: false }).some((r) => r.type === 'events')).toBe(false);
    expect(rows([message(5)], [old], { complete: true }).some((r) => r.type === 'events')).toBe(true);
  });
});
