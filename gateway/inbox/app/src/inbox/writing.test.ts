import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Refusal } from '../lib/api/client';
import type { Me, Media, Message } from '../lib/api/types';
import type { Thread } from '../lib/state/threads.svelte';
import { drafts } from '../lib/state/drafts.svelte';
import { keep, kept } from '../lib/state/kept';
import { outbox } from '../lib/state/outbox.svelte';
import { session } from '../lib/state/session.svelte';
import { writingOf, type Writing } from './writing.svelte';

vi.hoisted(() => {
  vi.stubGlobal('matchMedia', () => ({ matches: false, addEventListener() {} }));
  vi.stubGlobal('addEventListener', () => {});
  vi.stubGlobal('WebSocket', { OPEN: 1 });
  const stored = new Map<string, string>();
  vi.stubGlobal('localStorage', { getItem: (key: string) => stored.get(key) ?? null, setItem: (key: string, text: string) => stored.set(key, text), removeItem: (key: string) => stored.delete(key) });
  vi.stubGlobal('location', { protocol: 'http:', host: 'desk', pathname: '/', search: '' });
});

/** What was asked, and uploads that end when they are told to. */
let asked: { method: string; path: string; body: Record<string, unknown> }[];
let uploads: { end(media: Media): void; stopped: boolean }[];
let one = 0;
const thread = () => ({ id: `c${++one}` }) as Thread;
const picture = () => new File(['x'], 'a.txt', { type: 'text/plain' });

beforeEach(() => {
  asked = [];
  uploads = [];
  session.me = { id: 'me' } as Me;
  vi.stubGlobal('fetch', (url: string, { method, body }: RequestInit) => {
    const path = url.replace('/api/v1', '');
    asked.push({ method: method!, path, body: body ? JSON.parse(body as string) : {} });
    const answer = method === 'GET' ? { items: [] } : ({ id: crypto.randomUUID(), seq: 1, sort_at: '2026-01-01T00:00:00Z' } as Message);
    return Promise.resolve(new Response(JSON.stringify(answer)));
  });
  vi.stubGlobal('XMLHttpRequest', class {
    upload = {};
    status = 201;
    responseText = '';
    onload = () => {};
    onabort = () => {};
    open() {}
    setRequestHeader() {}
    send() {
      const mine = { end: (media: Media) => { this.responseText = JSON.stringify(media); this.onload(); }, stopped: false };
      this.abort = () => { mine.stopped = true; this.onabort(); };
      uploads.push(mine);
    }
    abort = () => {};
  });
});
afterEach(() => drafts.forgetAll());

function opened(of: Thread): Writing {
  const writing = writingOf(of);
  writing.open();
  return writing;
}
function type(writing: Writing, text: string) {
  writing.text = text;
  writing.changed();
}

test('text, quote and tab stay with their conversation', () => {
  const [a, b] = [thread(), thread()];
  const first = opened(a);
  type(first, 'for a');
  first.replyTo = 'm1';
  first.changed();
  first.leave();
  const second = opened(b);
  expect([second.text, second.replyTo, second.tab]).toEqual(['', undefined, 'reply']);
  type(second, 'for b');
  drafts.setTab(b.id, 'note');
  second.load();
  expect(second.text).toBe('');
  second.leave();
  const again = opened(a);
  expect([again.text, again.replyTo, again.tab]).toEqual(['for a', 'm1', 'reply']);
  expect(asked.filter((r) => r.method === 'PUT').map((r) => [r.path, r.body.text])).toEqual([[`/conversations/${a.id}/draft`, 'for a']]);
  expect(drafts.get(b.id, 'reply')?.text).toBe('for b');
});

test('what is typed late, by a field that is being taken away, is its own conversation’s', () => {
  const [a, b] = [thread(), thread()];
  const first = opened(a);
  first.leave();
  const second = opened(b);
  type(first, 'the end of a composition');
  expect(second.text).toBe('');
  expect(drafts.get(b.id, 'reply')).toBeUndefined();
  expect(drafts.get(a.id, 'reply')?.text).toBe('the end of a composition');
});

test('a file belongs to the conversation that it was dropped on, whenever its upload ends', async () => {
  const [a, b] = [thread(), thread()];
  const first = opened(a);
  first.tray.add([picture(), picture()], undefined, '');
  uploads[0].end({ id: 'f1', state: 'ready', type: 'text/plain', size: 1 });
  await vi.waitFor(() => expect(first.tray.ready).toHaveLength(1));
  expect(drafts.get(a.id, 'reply')?.files.map((f) => f.id)).toEqual(['f1']);
  first.leave();
  expect(uploads[1].stopped).toBe(true);
  const second = opened(b);
  uploads[1].end({ id: 'f2', state: 'ready', type: 'text/plain', size: 1 });
  await Promise.resolve();
  expect(second.tray.items).toEqual([]);
  expect(drafts.get(b.id, 'reply')).toBeUndefined();
  second.leave();
  expect(opened(a).tray.items.map((f) => f.key)).toEqual(['f1']);
});

test('what is sent goes to its conversation, and what is refused comes back to it', async () => {
  const [a, b] = [thread(), thread()];
  const first = opened(a);
  type(first, 'hello');
  first.send();
  expect([first.text, drafts.get(a.id, 'reply')?.text]).toEqual(['', '']);
  first.leave();
  const second = opened(b);
  type(second, 'other');
  await vi.waitFor(() => expect(outbox.list).toEqual([]));
  expect(asked.filter((r) => r.path.endsWith('/messages')).map((r) => [r.path, r.body.text])).toEqual([[`/conversations/${a.id}/messages`, 'hello']]);
  const unsent = { key: 'k', agent: 'me', conversation: a.id, body: { text: 'hello' }, files: [], at: '', state: 'waiting' as const };
  first.open();
  first.takeBack({ unsent, refusal: new Refusal('already_taken', 409) });
  expect([first.text, second.text]).toEqual(['hello', 'other']);
});

test('what was asked or chosen the last time is gone when a conversation is opened again', () => {
  const a = thread();
  const first = opened(a);
  first.warned = first.wantsTemplate = first.emoji = true;
  first.canned = { query: 'x', from: 0 };
  first.refusal = new Refusal('offline', 0);
  first.leave();
  const again = opened(a);
  expect([again.warned, again.wantsTemplate, again.emoji, again.canned, again.refusal]).toEqual([false, false, false, null, null]);
});

test('a draft that only this device remembers outlives a look at it', () => {
  const a = thread();
  const key = `draft.me.${a.id}.reply`;
  keep(key, { text: 'of yesterday', files: [], at: 1, saved: true });
  for (let i = 0; i < 2; i++) {
    const writing = opened(a);
    expect(writing.text).toBe('of yesterday');
    writing.leave();
  }
  expect(kept<{ text: string }>(key)?.text).toBe('of yesterday');
});
