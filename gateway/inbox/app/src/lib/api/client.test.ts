import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { all, api } from './client';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

/** Refuses as often as there are refusals, then answers. */
function serve(...refusals: { code: string; status: number; retry_after?: number }[]) {
  const asked: number[] = [];
  const begun = Date.now();
  vi.stubGlobal('fetch', async () => {
    asked.push(Date.now() - begun);
    const refusal = refusals[asked.length - 1];
    if (!refusal) return new Response('{"done":true}');
    const { code, status, retry_after } = refusal;
    return new Response(JSON.stringify({ error: { code, message: code, request_id: 'R', details: { retry_after } } }), { status });
  });
  return asked;
}
const soon = { code: 'rate_limited', status: 429, retry_after: 1 };
const outcome = async (call: Promise<unknown>) => {
  const settled = call.then(() => 'done', (error: { code: string }) => error.code);
  await vi.runAllTimersAsync();
  return settled;
};

test('what came too soon is asked again when the server says, a deed as well as a question', async () => {
  for (const method of ['GET', 'POST', 'PATCH', 'DELETE'] as const) {
    const asked = serve(soon, soon);
    expect(await outcome(api(method, '/x'))).toBe('done');
    expect(asked).toHaveLength(3);
    expect(asked[1]).toBeGreaterThanOrEqual(1_000);
    expect(asked[2] - asked[1]).toBeGreaterThanOrEqual(1_000);
  }
});

test('nobody waits long, and for a deed less than for a question', async () => {
  let asked = serve({ ...soon, retry_after: 6 });
  expect([await outcome(api('GET', '/x')), asked.length]).toEqual(['rate_limited', 1]);
  asked = serve(...Array(9).fill(soon));
  expect([await outcome(api('GET', '/x')), asked.length]).toEqual(['rate_limited', 4]);
  const three = { ...soon, retry_after: 3 };
  asked = serve(three, three, three);
  expect([await outcome(api('GET', '/x')), asked.length]).toEqual(['done', 4]);
  asked = serve(three, three, three);
  expect([await outcome(api('POST', '/x')), asked.length]).toEqual(['rate_limited', 2]);
});

test('what must not be late is not asked again, and nothing is after another refusal', async () => {
  let asked = serve(soon);
  expect([await outcome(api('PUT', '/x', {}, { once: true })), asked.length]).toEqual(['rate_limited', 1]);
  // The provider's own limit is met in the middle of a deed.
  for (const refusal of [{ code: 'throttled_number', status: 429, retry_after: 1 }, { code: 'unavailable', status: 503, retry_after: 1 }, { code: 'in_use', status: 409 }]) {
    asked = serve(refusal);
    expect([await outcome(api('POST', '/x')), asked.length]).toEqual([refusal.code, 1]);
  }
});

test('an answer that breaks off, or does not come in time, is as if we were offline', async () => {
  vi.stubGlobal('fetch', async () => ({ ok: true, status: 200, text: () => Promise.reject(new TypeError('network error')) }));
  expect(await outcome(api('GET', '/x'))).toBe('offline');
  const fetch = (_: string, { signal }: { signal: AbortSignal }) => Promise.reject(signal.reason as Error);
  vi.stubGlobal('fetch', fetch);
  expect(await outcome(api('GET', '/x', undefined, { signal: AbortSignal.abort(new DOMException('', 'TimeoutError')) }))).toBe('offline');
  await expect(api('GET', '/x', undefined, { signal: AbortSignal.abort() })).rejects.toMatchObject({ name: 'AbortError' });
});

test('a list is read page by page, whatever its path asks for already', async () => {
  const asked: string[] = [];
  vi.stubGlobal('fetch', async (path: string) => {
    asked.push(path);
    return new Response(JSON.stringify(asked.length < 3 ? { items: [asked.length], next: `&${asked.length}` } : { items: [3] }));
  });
  expect(await all('/templates?account=a')).toEqual([1, 2, 3]);
  expect(asked).toEqual(['', '&cursor=%261', '&cursor=%262'].map((rest) => `/api/v1/templates?account=a&limit=100${rest}`));
  asked.splice(0, 3, '', '');
  expect([await all('/api-keys'), asked[2]]).toEqual([[3], '/api/v1/api-keys?limit=100']);
});
