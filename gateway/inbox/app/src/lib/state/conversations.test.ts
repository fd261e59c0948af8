import { afterEach, expect, test, vi } from 'vitest';
import { ConversationList, conversations } from './conversations.svelte';

vi.hoisted(() => vi.stubGlobal('matchMedia', () => ({ matches: false, addEventListener() {} }))); // asked for by the session

afterEach(() => vi.unstubAllGlobals());

type Answer = (cursor: number, limit: number) => { items: { id: string }[]; next: string } | undefined;
const serve = (answer: Answer) =>
  vi.stubGlobal('fetch', (path: string) => {
    const asked = new URL(path, 'http://desk').searchParams;
    const page = answer(Number(asked.get('cursor') ?? 0), Number(asked.get('limit')));
    return Promise.resolve(page ? new Response(JSON.stringify(page), { headers: { 'Content-Type': 'application/json' } }) : new Response('', { status: 503 }));
  });
const people = (n: number) => Array.from({ length: n }, (_, i) => ({ id: `c${i}` }));
/** Pages of what `all` has at that time; a cursor is the last one's name. */
const pages = (all: () => { id: string }[]): Answer => (cursor, limit) => {
  const from = cursor ? all().findIndex((c) => c.id === `c${cursor - 1}`) + 1 : 0;
  const items = all().slice(from, from + limit);
  return { items, next: from + limit < all().length ? String(Number(items[items.length - 1].id.slice(1)) + 1) : '' };
};
const shownOf = async (pagesMore: number) => {
  const list = new ConversationList({ view: 'all', sort: 'newest' }, conversations);
  await list.load();
  for (let i = 0; i < pagesMore; i++) await list.more();
  return list;
};

test('a list that is read again is read as far as it is shown, and what came with that is shown, frozen or not', async () => {
  serve(pages(() => people(230)));
  const list = await shownOf(2);
  expect(list.state.shown).toHaveLength(150);
  list.freeze(true);
  await list.load();
  expect(list.state.target).toHaveLength(200);
  expect(list.leaving.size).toBe(0);
  expect(list.waiting).toBe(0);
  await list.more();
  expect(list.next).toBeUndefined();
  expect(list.state.shown).toEqual(people(230).map((c) => c.id));
});

test('a new row on top pushes the last one to the next page, and it is not lost', async () => {
  let all = people(230);
  serve(pages(() => all));
  const list = await shownOf(3);
  expect(list.state.shown).toHaveLength(200);
  list.freeze(true);
  all = [{ id: 'c900' }, ...all];
  await list.load();
  expect(list.leaving.size).toBe(0);
  expect(list.waiting).toBe(1);
  while (list.next) await list.more();
  expect(list.state.shown).toEqual(people(230).map((c) => c.id));
  list.apply();
  expect(list.state.shown).toEqual(all.map((c) => c.id));
});

test('a page that does not come says so, and comes when it is asked for again', async () => {
  const all = pages(() => people(80));
  let away = false;
  serve((cursor, limit) => (away ? undefined : all(cursor, limit)));
  const list = await shownOf(0);
  away = true;
  await list.more();
  expect(list.refusal?.code).toBe('unavailable');
  expect(list.state.shown).toHaveLength(50);
  away = false;
  await list.more();
  expect(list.refusal).toBeNull();
  expect(list.state.shown).toHaveLength(80);
});

test('after a refusal the end of a list asks for nothing by itself, until somebody wants it or the connection is there again', async () => {
  const all = pages(() => people(230));
  let away = false;
  let asked = 0;
  serve((cursor, limit) => (asked++, away ? undefined : all(cursor, limit)));
  const list = conversations.list({ view: 'all', sort: 'newest' });
  await vi.waitFor(() => expect(list.state.shown).toHaveLength(50));
  away = true;
  await list.goOn();
  asked = 0;
  for (let i = 0; i < 5; i++) await list.goOn();
  expect([asked, list.refusal?.code]).toEqual([0, 'unavailable']);
  await list.more();
  expect([asked, list.refusal?.code]).toEqual([1, 'unavailable']);
  away = false;
  await list.more();
  expect([list.refusal, list.state.shown.length]).toEqual([null, 100]);
  away = true;
  await list.goOn();
  expect(list.refusal?.code).toBe('unavailable');
  away = false;
  conversations.onFrame({ type: 'welcome', cursor: '', server_time: '', agent_id: '', node: '', versions: {} });
  await vi.waitFor(() => expect(list.refusal).toBeNull());
  await list.goOn();
  expect(list.state.shown).toHaveLength(150);
  conversations.clear();
});
