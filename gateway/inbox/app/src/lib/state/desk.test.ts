import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { ServerFrame } from '../api/types';
import { desk } from './desk.svelte';

let asked: string[] = [];
let answers: ((lists: object | undefined) => Promise<unknown>)[] = [];
beforeEach(() => {
  vi.useFakeTimers();
  asked = [];
  answers = [];
  vi.stubGlobal('fetch', (path: string) => {
    asked.push(decodeURIComponent(path));
    return new Promise<Response>((resolve) => {
      answers.push((lists) => {
        resolve(lists ? new Response(JSON.stringify(lists), { headers: { 'Content-Type': 'application/json' } }) : new Response('', { status: 503 }));
        return vi.advanceTimersByTimeAsync(0);
      });
    });
  });
});
afterEach(() => {
  desk.stop();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});
const tell = (frame: object) => desk.onFrame(frame as ServerFrame);
const soon = () => vi.advanceTimersByTimeAsync(1_000);

test('all of the desk is one question', async () => {
  const started = desk.start();
  await vi.advanceTimersByTimeAsync(0);
  expect(asked).toEqual(['/api/v1/desk']);
  await answers[0]({ departments: [{ id: 'd', name: 'Satış' }], agents: [{ id: 'a', name: 'Deniz' }], accounts: [], kinds: [], end_reasons: [], break_reasons: [{ id: 'b', label: 'Mola' }], canned_replies: [] });
  await started;
  expect([desk.department('d')?.name, desk.agentName('a'), desk.breakReason('b'), desk.loaded]).toEqual(['Satış', 'Deniz', 'Mola', true]);
});

test('what is heard while an answer is on its way is newer than the answer', async () => {
  const loaded = desk.reload('accounts');
  await vi.advanceTimersByTimeAsync(0);
  tell({ type: 'account', account_id: 'a', state: 'disconnected', state_reason: 'expired' });
  await answers[0]({ accounts: [{ id: 'a', state: 'connected' }, { id: 'b', state: 'connected' }] });
  await loaded;
  expect(desk.accounts.map((a) => a.state)).toEqual(['disconnected', 'connected']);
  tell({ type: 'account', account_id: 'b', state: 'disabled', state_reason: '' });
  expect(desk.accounts.map((a) => a.state)).toEqual(['disconnected', 'disabled']);
});

test('a presence that is told again later leaves what somebody holds alone', async () => {
  const loaded = desk.reload('agents');
  await vi.advanceTimersByTimeAsync(0);
  await answers[0]({ agents: [{ id: 'a', presence: 'offline', load: 6, capacity: 15 }] });
  await loaded;
  tell({ type: 'presence', agent_id: 'a', presence: 'online', since: '2026-11-22T12:00:00Z' });
  expect(desk.agents).toMatchObject([{ presence: 'online', load: 6, capacity: 15 }]);
  tell({ type: 'presence', agent_id: 'a', presence: 'break', since: '2026-11-22T12:00:00Z', load: 0, capacity: 9 });
  expect(desk.agents).toMatchObject([{ presence: 'break', load: 0, capacity: 9 }]);
});

test('fifty changes of a list elsewhere are few questions, and only for what changed', async () => {
  for (let i = 0; i < 50; i++) {
    tell({ type: 'settings', what: i % 2 ? 'canned_replies' : 'agents' });
    await vi.advanceTimersByTimeAsync(1);
  }
  tell({ type: 'settings', what: 'templates' }); // not the desk's
  await soon();
  expect(asked).toEqual(['/api/v1/desk?only=agents,canned_replies']);
  await answers[0]({ agents: [{ id: 'a' }], canned_replies: [{ id: 'c' }] });
  await soon();
  expect([asked.length, desk.agents.length, desk.canned_replies.length]).toEqual([1, 1, 1]);
});

test('the news of a deed that is read again after it costs no second question', async () => {
  tell({ type: 'settings', what: 'break_reasons' });
  const loaded = desk.reload('break_reasons');
  await vi.advanceTimersByTimeAsync(0);
  await answers[0]({ break_reasons: [{ id: 'b', label: 'Çay' }] });
  await loaded;
  expect(desk.breakReason('b')).toBe('Çay');
  await soon();
  expect(asked).toHaveLength(1);
});

test('a list that could not be read again after a deed is read when that is possible, and its page says so until then', async () => {
  const loaded = desk.reload('end_reasons'); // does not fail: the deed is done, and its form has nothing to say
  await vi.advanceTimersByTimeAsync(0);
  await answers[0](undefined);
  expect(await loaded).toBe(false);
  expect(desk.unread).toMatchObject({ end_reasons: { status: 503 } });
  await vi.advanceTimersByTimeAsync(5_000);
  expect(asked).toHaveLength(2);
  await answers[1]({ end_reasons: [{ id: 'e', label: 'Çözüldü' }] });
  expect(desk.end_reasons.map((r) => r.label)).toEqual(['Çözüldü']);
  expect(desk.unread).toEqual({});
});

test('a form whose deed is done does not wait for ever for its list', async () => {
  const reading = desk.reload('agents');
  await vi.advanceTimersByTimeAsync(5_000);
  expect([await reading, desk.unread]).toEqual([false, {}]);
  await answers[0]({ agents: [{ id: 'a', name: 'Late' }] });
  expect(desk.agentName('a')).toBe('Late');
  const again = desk.reload('agents');
  await vi.advanceTimersByTimeAsync(6_000);
  await answers[1](undefined);
  expect([await again, Object.keys(desk.unread)]).toEqual([false, ['agents']]);
});

test('the next deed reads what could not be read before, too', async () => {
  const before = desk.reload('agents');
  await vi.advanceTimersByTimeAsync(0);
  await answers[0](undefined);
  expect([await before, Object.keys(desk.unread)]).toEqual([false, ['agents']]);
  const next = desk.reload('departments');
  await vi.advanceTimersByTimeAsync(0);
  expect(asked[1]).toBe('/api/v1/desk?only=agents,departments');
  await answers[1]({ agents: [], departments: [] });
  expect([await next, desk.unread]).toEqual([true, {}]);
});

test('whoever leaves while a list is read again is told nothing', async () => {
  const reading = desk.reload('agents');
  await vi.advanceTimersByTimeAsync(0);
  desk.stop();
  await answers[0](undefined);
  expect([await reading, desk.unread]).toEqual([false, {}]);
});

test('what is looked up was not just read', async () => {
  void desk.start();
  await vi.advanceTimersByTimeAsync(0);
  desk.lookUp('agents');
  await answers[0]({ agents: [] });
  desk.lookUp('agents');
  await soon();
  expect(asked).toHaveLength(1);
  await vi.advanceTimersByTimeAsync(20_000);
  desk.lookUp('agents');
  await soon();
  expect(asked[1]).toBe('/api/v1/desk?only=agents');
});

const versions = { departments: 2, agents: 7, accounts: 3 };
const lists = { departments: [], agents: [], accounts: [], kinds: [], end_reasons: [], break_reasons: [], canned_replies: [] };

async function started(answer: object = { ...lists, versions }) {
  const start = desk.start();
  await vi.advanceTimersByTimeAsync(0);
  await answers[0](answer);
  await start;
}

test('what changed while the stream was away is read again, and nothing else', async () => {
  await started();
  tell({ type: 'welcome', versions });
  await soon();
  expect(asked).toHaveLength(1);
  tell({ type: 'welcome', versions: { ...versions, agents: 9 } });
  await soon();
  expect(asked[1]).toBe('/api/v1/desk?only=agents');
  await answers[1]({ agents: [{ id: 'a', name: 'Deniz' }], versions: { ...versions, agents: 9 } });
  expect(desk.agentName('a')).toBe('Deniz');
  tell({ type: 'welcome', versions }); // another node, whose last look was before that
  tell({ type: 'settings', what: 'agents', version: 9 });
  await soon();
  expect(asked).toHaveLength(2);
  tell({ type: 'settings', what: 'departments', version: 10 });
  await soon();
  expect(asked[2]).toBe('/api/v1/desk?only=departments');
});

test('a version that is told while the lists are on their way is compared with theirs', async () => {
  const start = desk.start();
  await vi.advanceTimersByTimeAsync(0);
  tell({ type: 'welcome', versions: { ...versions, accounts: 8 } });
  tell({ type: 'settings', what: 'agents', version: 7 });
  await soon();
  expect(asked).toHaveLength(1);
  await answers[0]({ ...lists, versions });
  await start;
  await soon();
  expect(asked.slice(1)).toEqual(['/api/v1/desk?only=accounts']);
});

test('a record that went back in time, and a gateway that knows no versions, are not asked for ever', async () => {
  await started();
  tell({ type: 'settings', what: 'agents', version: 9 });
  await soon();
  await answers[1]({ agents: [], versions: { agents: 1 } });
  await vi.advanceTimersByTimeAsync(60_000);
  expect(asked).toHaveLength(2);
  tell({ type: 'welcome' });
  desk.stale();
  await soon();
  await answers[2](lists);
  tell({ type: 'settings', what: 'agents' });
  await soon();
  await answers[3]({ agents: [] });
  await vi.advanceTimersByTimeAsync(60_000);
  expect(asked).toHaveLength(4);
  tell({ type: 'welcome', versions: { agents: 0 } }); // a new one again: whatever the old one gave may be older
  await soon();
  expect(asked[4]).toBe('/api/v1/desk?only=agents');
});

test('an answer for somebody who has left is for nobody', async () => {
  const before = desk.agents;
  void desk.reload('agents');
  await vi.advanceTimersByTimeAsync(0);
  desk.stop();
  await answers[0]({ agents: [{ id: 'secret' }] });
  expect(desk.agents).toBe(before);
});
