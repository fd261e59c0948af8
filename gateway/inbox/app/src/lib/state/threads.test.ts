import { beforeEach, expect, test, vi } from 'vitest';
import type { Conversation, Message, ServerFrame } from '../api/types';
import { conversations } from './conversations.svelte';
import { Thread, threads } from './threads.svelte';

vi.hoisted(() => {
  vi.stubGlobal('matchMedia', () => ({ matches: false, addEventListener() {} }));
  vi.stubGlobal('document', { hidden: true });
});

/** The record as the server has it; an answer is what it was when `answers` let it be read. */
let seq: number;
let asked: string[];
let read: (path: string) => Promise<void>;
const message = (n: number) => ({ id: `m${n}`, seq: n, sort_at: new Date(n * 1000).toISOString(), direction: 'in', status: 'received', attempt: 0, text: `${n}` }) as Message;
const event = (n: number) => ({ seq: n, kind: 'message', at: new Date(n * 1000).toISOString(), message: message(n) });
const upTo = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i + 1);

beforeEach(() => {
  conversations.clear();
  threads.clear();
  seq = 3;
  asked = [];
  read = async () => {};
  vi.stubGlobal('fetch', async (url: string) => {
    const path = url.replace('/api/v1/conversations/', '');
    asked.push(path);
    await read(path);
    const since = Number(new URL(url, 'http://desk').searchParams.get('since'));
    const body = path.includes('/messages') ? { items: upTo(0, seq).map(message), next: '' }
      : path.includes('/events') ? { items: upTo(since, seq).map(event), next: '' }
      : { id: path, last_seq: seq, read_seq: 0, unread: 0, status: 'open', events: [], contact: { name: 'x' } };
    return new Response(JSON.stringify(body));
  });
});

const texts = (thread: Thread) => thread.state.messages.map((m) => m.text);

test('messages are never older than the seq that they are said to reach', async () => {
  let detail = () => {};
  const waits = new Promise<void>((resolve) => (detail = resolve));
  read = (path) => (path === 'a' ? waits : Promise.resolve());
  const thread = new Thread('a');
  const loaded = thread.load();
  await vi.waitFor(() => expect(asked).toHaveLength(2)); // both at once
  await Promise.resolve();
  seq = 5; // after the messages were read, before the conversation was
  detail();
  await loaded;
  await vi.waitFor(() => expect(texts(thread)).toEqual(['1', '2', '3', '4', '5']));
  expect(asked).toContain('a/events?since=3');
  expect(thread.state.seq).toBe(5);
});

test('nor do its events end before them', async () => {
  let messages = () => {};
  const waits = new Promise<void>((resolve) => (messages = resolve));
  read = (path) => (path.includes('/messages') ? waits : Promise.resolve());
  const thread = new Thread('a');
  const loaded = thread.load();
  await vi.waitFor(() => expect(asked).toHaveLength(2));
  await new Promise((resolve) => setTimeout(resolve)); // the conversation is read
  seq = 5;
  messages();
  await loaded;
  await vi.waitFor(() => expect(asked).toContain('a/events?since=3'));
  await vi.waitFor(() => expect(thread.state.seq).toBe(5));
});

test('what was known before is in what is answered: nothing more is asked', async () => {
  conversations.put({ id: 'a', last_seq: 7, read_seq: 7, unread: 0, contact: { name: 'x' } } as Conversation); // four of them are no messages
  const answer = fetch;
  vi.stubGlobal('fetch', async (url: string) => {
    const response = await answer(url);
    return url.endsWith('/a') ? new Response(JSON.stringify({ ...(await response.json()), last_seq: 7 })) : response;
  });
  const thread = new Thread('a');
  await thread.load();
  expect([thread.state.seq, texts(thread)]).toEqual([7, ['1', '2', '3']]);
  expect(asked).toEqual(['a', 'a/messages?limit=50']);
});

test('what is loaded ahead is asked for once, hears the stream, and is shown as it stands', async () => {
  await threads.warm('a');
  await threads.warm('a');
  expect(asked).toEqual(['a', 'a/messages?limit=50']);
  seq = 4;
  threads.onFrame({ type: 'conversation', conversation: { id: 'a', last_seq: 4 }, events: [event(4)] } as unknown as ServerFrame);
  const thread = threads.open('a');
  expect([thread.status, texts(thread)]).toEqual(['ready', ['1', '2', '3', '4']]);
});

test('what is opened while it is loaded ahead is not asked for twice', async () => {
  const loading = threads.warm('a');
  const thread = threads.open('a');
  await loading;
  expect([thread.status, asked.length]).toEqual(['ready', 2]);
});

test('few are loaded ahead, and none of them drives out what was opened', async () => {
  const first = threads.open('opened');
  for (let i = 0; i < 30; i++) await threads.warm(`w${i}`);
  expect(threads.get('opened')).toBe(first);
  expect(upTo(0, 30).filter((n) => threads.get(`w${n - 1}`))).toHaveLength(3);
});

test('a conversation is opened where its unread begins, though that is pages ago', async () => {
  const pages = (url: string, to: number, from = 0) => {
    const q = new URL(url, 'http://desk').searchParams;
    const end = Math.min(to, Number(q.get('before') ?? to + 1) - 1);
    const begin = Math.max(from, end - Number(q.get('limit')));
    return { items: upTo(begin, end).map(message), next: begin > from ? 'more' : '' };
  };
  const serve = (last: number, read_seq: number) =>
    vi.stubGlobal('fetch', async (url: string) => {
      asked.push(url.replace('/api/v1/conversations/', ''));
      return new Response(JSON.stringify(url.includes('/messages') ? pages(url, last) : { id: 'a', last_seq: last, read_seq, unread: last - read_seq, status: 'open', events: [], contact: { name: 'x' } }));
    });
  serve(400, 180);
  conversations.put({ id: 'a', last_seq: 400, read_seq: 180, unread: 220, contact: { name: 'x' } } as Conversation);
  const thread = new Thread('a');
  await thread.load();
  expect(thread.divider).toBe(180);
  expect(texts(thread)).toEqual(upTo(100, 400).map(String));
  expect(asked).toEqual(['a', 'a/messages?limit=100', 'a/messages?before=301&limit=100', 'a/messages?before=201&limit=100']);
  expect(thread.complete).toBe(false);

  serve(5000, 0); // however much it is, it ends
  const long = new Thread('b');
  await long.load();
  expect(texts(long)).toHaveLength(550);
});
