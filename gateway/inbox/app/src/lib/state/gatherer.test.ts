import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Refusal } from '../api/client';
import { Gatherer } from './gatherer';

beforeEach(() => {
  vi.useFakeTimers();
  vi.spyOn(Math, 'random').mockReturnValue(0.5);
});
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

/** Answers its questions when it is told to. */
function server() {
  const asked: string[] = [];
  let ended = { resolve: () => {}, reject: (_: unknown) => {} };
  const lists = new Gatherer<string>((names) => {
    asked.push(names.join('+'));
    return new Promise<void>((resolve, reject) => (ended = { resolve, reject }));
  });
  const settled = () => vi.advanceTimersByTimeAsync(0);
  return {
    lists, asked,
    answer: () => (ended.resolve(), settled()),
    refuse: (status: number, code: string, retry_after?: number) => (ended.reject(new Refusal(code, status, { retry_after })), settled()),
    after: (ms: number) => vi.advanceTimersByTimeAsync(ms),
  };
}
const ended = async (call: Promise<void>) => {
  let is = 'open';
  call.then(() => (is = 'done'), () => (is = 'failed'));
  await vi.advanceTimersByTimeAsync(0);
  return () => is;
};

test('what is heard waits a random while, and all of it is one question', async () => {
  const { lists, asked, answer, after } = server();
  for (const name of ['a', 'b', 'a']) lists.hear([name]);
  await after(549);
  expect(asked).toEqual([]);
  await after(1);
  expect(asked).toEqual(['a+b']);
  await answer();
  await after(60_000);
  expect(asked).toEqual(['a+b']);
});

test('nothing is asked while an answer is on its way, and what was heard meanwhile is one question more', async () => {
  const { lists, asked, answer, after } = server();
  lists.hear(['a']);
  await after(1_000);
  for (let i = 0; i < 50; i++) lists.hear([i % 2 ? 'a' : 'b']);
  await after(10_000);
  expect(asked).toEqual(['a']);
  await answer();
  expect(asked).toEqual(['a']);
  await after(1_000);
  expect(asked).toEqual(['a', 'b+a']);
});

test('whoever asks does not wait, shares the question with who asks as well, and with what was heard', async () => {
  const { lists, asked, answer, after } = server();
  lists.hear(['c']);
  const calls = await Promise.all([ended(lists.read(['a'])), ended(lists.read(['b', 'a']))]);
  expect(asked).toEqual(['c+a+b']);
  expect(calls.map((is) => is())).toEqual(['open', 'open']);
  await answer();
  expect(calls.map((is) => is())).toEqual(['done', 'done']);
  await after(60_000);
  expect(asked).toEqual(['c+a+b']);
});

test('an answer that was asked for before the call is not the answer to it', async () => {
  const { lists, asked, answer, after } = server();
  lists.hear(['a']);
  await after(1_000);
  const [one, other] = await Promise.all([ended(lists.read(['a'])), ended(lists.read(['a']))]);
  expect(asked).toEqual(['a']);
  await answer();
  expect([one(), other()]).toEqual(['open', 'open']);
  expect(asked).toEqual(['a', 'a']); // at once
  await answer();
  expect([one(), other()]).toEqual(['done', 'done']);
});

test('what was heard is asked for until it is answered, with growing pauses', async () => {
  const { lists, asked, answer, refuse, after } = server();
  lists.hear(['a']);
  await after(1_000);
  const pauses: number[] = [];
  for (let i = 1; i < 9; i++) {
    await refuse(503, 'unavailable');
    const from = Date.now();
    while (asked.length === i) await vi.advanceTimersToNextTimerAsync();
    pauses.push(Date.now() - from);
  }
  expect(pauses).toEqual([1, 2, 4, 8, 16, 30, 60, 60].map((s) => s * 1_250));
  await answer();
  lists.hear(['b']);
  await after(550); // and it is as if nothing had been
  expect(asked.at(-1)).toBe('b');
});

test('a refusal says when to come back', async () => {
  const { lists, asked, refuse, after } = server();
  lists.hear(['a']);
  await after(1_000);
  await refuse(429, 'rate_limited', 20);
  await after(19_999);
  expect(asked).toHaveLength(1);
  await after(10_000);
  expect(asked).toHaveLength(2);
});

test('a failure is told to who asked, and what was heard with it is not lost', async () => {
  const { lists, asked, answer, refuse, after } = server();
  lists.hear(['a']);
  const call = await ended(lists.read(['b']));
  await refuse(0, 'offline');
  expect(call()).toBe('failed');
  await after(5_000);
  expect(asked).toEqual(['a+b', 'a']);
  await answer();
});

test('who asks during such a pause is not refused for it, and ends it', async () => {
  const { lists, asked, answer, refuse, after } = server();
  lists.hear(['a']);
  await after(1_000);
  await refuse(503, 'unavailable', 60);
  const call = await ended(lists.read(['b']));
  expect(asked).toEqual(['a', 'a+b']);
  await answer();
  expect(call()).toBe('done');
  await after(600_000);
  expect(asked).toHaveLength(2);
});

test('when the session is over nothing is asked until somebody is there again', async () => {
  const { lists, asked, answer, refuse, after } = server();
  lists.hear(['a']);
  await after(1_000);
  await refuse(401, 'session_over');
  lists.hear(['b']);
  await after(3_600_000);
  expect(asked).toHaveLength(1);
  lists.again();
  await after(1_000);
  expect(asked).toEqual(['a', 'a+b']);
  await answer();
});

test('after its end nothing is asked, not even after a failure, and nobody is left waiting', async () => {
  const { lists, asked, refuse, after } = server();
  lists.hear(['a']);
  await after(1_000);
  lists.hear(['b']);
  const call = await ended(lists.read(['c']));
  lists.end();
  await after(0);
  expect(call()).toBe('failed');
  await refuse(503, 'unavailable');
  lists.hear(['d']);
  await after(3_600_000);
  expect(asked).toEqual(['a']);
});
