import { afterEach, expect, test, vi } from 'vitest';
import { ConversationList, conversations } from './conversations.svelte';

vi.hoisted(() => vi.stubGlobal('matchMedia', () => ({ matches: false, addEventListener() {} }))); // asked for by the session

afterEach(() => vi.unstubAllGlobals());

test('a list that is read again is read as far as it is shown', async () => {
  const all = Array.from({ length: 230 }, (_, i) => ({ id: `c${i}` }));
  vi.stubGlobal('fetch', (path: string) => {
    const asked = new URL(path, 'http://desk').searchParams;
    const from = Number(asked.get('cursor') ?? 0);
    const to = from + Number(asked.get('limit'));
    const page = { items: all.slice(from, to), next: to < all.length ? String(to) : '' };
    return Promise.resolve(new Response(JSON.stringify(page), { headers: { 'Content-Type': 'application/json' } }));
  });
  const list = new ConversationList({ view: 'all', sort: 'newest' }, conversations);
  await list.load();
  for (let i = 0; i < 3; i++) await list.more();
  expect(list.state.shown).toHaveLength(200);
  list.freeze(true);
  await list.load();
  expect(list.state.target).toHaveLength(200);
  expect(list.leaving.size).toBe(0);
  await list.more();
  expect(list.next).toBeUndefined();
  expect(list.state.shown).toHaveLength(230);
});
