import { describe, expect, test } from 'vitest';
import type { Conversation } from '../api/types';
import { belongs, compareConversations, leaving, place, settle, waitingChanges, type ListQuery } from './list';

const NOW = Date.parse('2026-11-12T12:00:00Z');
const conversation = (id: string, minute: number, fields: Partial<Conversation> = {}) =>
  ({
    id, account_id: 'a', department_id: 'd', agent_id: 'me', status: 'assigned', priority: 0, last_seq: 1, read_seq: 0, unread: 0, window: { phase: 'none' },
    last_message_at: `2026-11-12T11:${String(minute).padStart(2, '0')}:00Z`, ...fields,
  }) as Conversation;
const mine: ListQuery = { view: 'mine', sort: 'newest' };
const find = (...all: Conversation[]) => (id: string) => all.find((c) => c.id === id);

describe('order', () => {
  test('the newest activity is first, ties break by id so that tabs agree', () => {
    const list = [conversation('a', 1), conversation('b', 5), conversation('c', 5)].sort(compareConversations('newest'));
    expect(list.map((c) => c.id)).toEqual(['c', 'b', 'a']);
  });
  test('the oldest waiting is first', () => {
    const list = [
      conversation('a', 0, { waiting_since: '2026-11-12T11:30:00Z' }), conversation('b', 0, { waiting_since: '2026-11-12T11:10:00Z' }), conversation('c', 0, { waiting_since: '2026-11-12T11:50:00Z' }),
    ].sort(compareConversations('waiting'));
    expect(list.map((c) => c.id)).toEqual(['b', 'a', 'c']);
  });
});

describe('belonging', () => {
  const is = (view: ListQuery['view'], fields: Partial<Conversation>, q: Partial<ListQuery> = {}) => belongs({ ...mine, ...q, view }, conversation('a', 1, fields), 'me', 'whatsapp', NOW);
  test('mine is what I hold and is not pending', () => {
    expect(is('mine', {})).toBe(true);
    expect(is('mine', { agent_id: 'other' })).toBe(false);
    expect(is('mine', { status: 'pending' })).toBe(false);
  });
  test('expiring is a window that shuts within two hours', () => {
    expect(is('expiring', { window: { phase: 'closing', shuts_at: '2026-11-12T13:59:00Z' } })).toBe(true);
    expect(is('expiring', { window: { phase: 'open', shuts_at: '2026-11-12T14:01:00Z' } })).toBe(false);
    expect(is('expiring', { window: { phase: 'closed', shuts_at: '2026-11-12T11:59:00Z' } })).toBe(false);
  });
  test('pending is mine, expiring is mine or anybody’s who waits, all is all', () => {
    expect(is('pending', { status: 'pending' })).toBe(true);
    expect(is('pending', { status: 'pending', agent_id: 'other' })).toBe(false);
    expect(is('expiring', { agent_id: 'other', window: { phase: 'closing', shuts_at: '2026-11-12T13:00:00Z' } })).toBe(false);
    expect(is('expiring', { agent_id: undefined, status: 'waiting', window: { phase: 'closing', shuts_at: '2026-11-12T13:00:00Z' } })).toBe(true);
    expect(is('all', { status: 'closed', agent_id: 'other' })).toBe(true);
  });
  test('a filter excludes; of a text only the server knows', () => {
    expect(is('mine', {}, { department: 'other' })).toBe(false);
    expect(is('mine', {}, { channel: 'instagram' })).toBe(false);
    expect(is('mine', {}, { q: 'elif' })).toBeUndefined();
    expect(is('queue', {}, { q: 'elif' })).toBe(false);
  });
});

describe('placing', () => {
  const a = conversation('a', 30);
  const b = conversation('b', 20);
  const c = conversation('c', 10);
  test('a new message moves its row up', () => {
    const moved = conversation('c', 40);
    expect(place(['a', 'b', 'c'], find(a, b, moved), moved, true, 'newest', false)).toEqual(['c', 'a', 'b']);
  });
  test('a row that left the view goes, an unrelated one changes nothing', () => {
    const list = ['a', 'b'];
    expect(place(list, find(a, b), b, false, 'newest', false)).toEqual(['a']);
    expect(place(list, find(a, b, c), c, false, 'newest', false)).toBe(list);
  });
  test('a row that sorts after the last loaded one stays out while there is more', () => {
    const list = ['a', 'b'];
    expect(place(list, find(a, b, c), c, true, 'newest', true)).toBe(list);
    expect(place(list, find(a, b, c), c, true, 'newest', false)).toEqual(['a', 'b', 'c']);
  });
});

describe('freezing', () => {
  const none = new Set<string>();
  test('a frozen list keeps every row where it is', () => {
    const state = { shown: ['a', 'b', 'c'], target: ['c', 'a', 'd'] };
    expect(settle(state, true, none).shown).toEqual(['a', 'b', 'c']);
    expect(settle(state, false, none).shown).toEqual(['c', 'a', 'd']);
  });
  test('an empty list does not freeze', () => expect(settle({ shown: [], target: ['a'] }, true, none).shown).toEqual(['a']));
  test('only what my own deed took away leaves a frozen list', () => {
    expect(settle({ shown: ['a', 'b', 'c'], target: ['c'] }, true, new Set(['a'])).shown).toEqual(['b', 'c']);
  });
  test('a colleague’s deed leaves the row, marked', () => {
    expect([...leaving({ shown: ['a', 'b'], target: ['b'] })]).toEqual(['a']);
  });
  test('the pill counts what moved up or came in, not what slid down', () => {
    expect(waitingChanges({ shown: ['a', 'b', 'c'], target: ['c', 'a', 'b'] })).toBe(1);
    expect(waitingChanges({ shown: ['a', 'b', 'c'], target: ['d', 'a', 'b', 'c'] })).toBe(1);
    expect(waitingChanges({ shown: ['a', 'b', 'c'], target: ['d', 'c', 'a'] })).toBe(2);
    expect(waitingChanges({ shown: ['a', 'b', 'c'], target: ['b', 'c'] })).toBe(0);
    const same = ['a', 'b'];
    expect(waitingChanges({ shown: same, target: same })).toBe(0);
  });
});
