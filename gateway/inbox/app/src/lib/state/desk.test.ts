import { afterEach, expect, test, vi } from 'vitest';
import type { ServerFrame } from '../api/types';
import { desk } from './desk.svelte';

afterEach(() => vi.unstubAllGlobals());

test('what is heard while an answer is on its way is newer than the answer', async () => {
  let answer = (_: Response) => {};
  vi.stubGlobal('fetch', () => new Promise<Response>((resolve) => (answer = resolve)));
  const loaded = desk.reload('accounts');
  desk.onFrame({ type: 'account', account_id: 'a', state: 'disconnected', state_reason: 'expired' } as ServerFrame);
  answer(new Response(JSON.stringify({ items: [{ id: 'a', state: 'connected' }, { id: 'b', state: 'connected' }] }), { headers: { 'Content-Type': 'application/json' } }));
  await loaded;
  expect(desk.accounts.map((a) => a.state)).toEqual(['disconnected', 'connected']);
});
