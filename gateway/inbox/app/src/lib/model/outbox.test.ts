import { describe, expect, test } from 'vitest';
import type { Message } from '../api/types';
import { heads, mayGo, stillUnsent, type Unsent } from './outbox';

const NOW = Date.parse('2026-11-12T12:00:00Z');
const unsent = (key: string, conversation = 'c', fields: Partial<Unsent> = {}): Unsent => ({ key, agent: 'me', conversation, body: { text: 'Merhaba' }, files: [], at: '2026-11-12T11:59:58Z', state: 'waiting', ...fields });
const message = (id: string, fields: Partial<Message> = {}) => ({ id, direction: 'out', agent_id: 'me', text: 'Merhaba', created_at: '2026-11-12T11:59:59Z', ...fields }) as Message;

test('only the oldest of each conversation goes, so the order of pressing is kept', () => {
  expect(heads([unsent('1'), unsent('2'), unsent('3', 'd')]).map((u) => u.key)).toEqual(['1', '3']);
});

describe('going by itself', () => {
  test('a kept message asks after ten minutes', () => {
    expect(mayGo(unsent('1'), NOW, true)).toBe(true);
    expect(mayGo(unsent('1'), NOW + 11 * 60_000, true)).toBe(false);
  });
  test('a closed window asks, but not for a template or a note', () => {
    expect(mayGo(unsent('1'), NOW, false)).toBe(false);
    expect(mayGo(unsent('1', 'c', { body: { template: { id: 't', values: {} } } }), NOW, false)).toBe(true);
    expect(mayGo(unsent('1', 'c', { body: { text: 'n', note: true } }), NOW, false)).toBe(true);
  });
});

describe('a message that came over the stream before the answer', () => {
  test('hides its entry', () => expect(stillUnsent([unsent('1')], [message('m')])).toEqual([]));
  test('hides one entry only: two equal texts are two messages', () => expect(stillUnsent([unsent('1'), unsent('2')], [message('m')])).toHaveLength(1));
  test('an older message of the same text is another one', () => expect(stillUnsent([unsent('1')], [message('m', { created_at: '2026-11-12T11:50:00Z' })])).toHaveLength(1));
  test('a colleague’s message of the same text is another one', () => expect(stillUnsent([unsent('1')], [message('m', { agent_id: 'other' })])).toHaveLength(1));
  test('a note is not a reply', () => expect(stillUnsent([unsent('1')], [message('m', { direction: 'note' })])).toHaveLength(1));
});
