/** Requests to /api/v1. Every refusal becomes a Refusal with a code of the closed set (or `offline`). */
import type { ApiError, Media, Page } from './types';

export class Refusal extends Error {
  constructor(
    readonly code: string,
    readonly status: number,
    readonly details: Record<string, unknown> = {},
    readonly requestId = '',
    message = code,
  ) {
    super(message);
  }
  /** Nothing reached the server, or it could not say what came of it: the same request may be sent again. */
  get retryable() {
    return this.code === 'offline' || this.status >= 500 || this.status === 429;
  }
}

export function asRefusal(error: unknown): Refusal {
  return error instanceof Refusal ? error : new Refusal('internal', 0, {}, '', String(error));
}

let csrf = '';
let onRefusal: (refusal: Refusal) => void = () => {};

export function setCsrf(token: string) {
  csrf = token;
}

/** Called for refusals that concern the whole app: session_over, password_change. */
export function watchRefusals(watcher: (refusal: Refusal) => void) {
  onRefusal = watcher;
}

interface Options {
  key?: string; // Idempotency-Key
  signal?: AbortSignal;
  quiet?: boolean; // do not tell the watcher
  once?: boolean; // later it would be wrong, or overtake what was done meanwhile
}

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

const PATIENT_S = 5;
const TRIES = 4;

/**
 * Asks the API. What came too soon after many others is asked again when the server says: it is refused before anything is done
 * (gateway/web/route.go, admit). A deed is not done later than its person still waits for it.
 */
export async function api<T = void>(method: Method, path: string, body?: unknown, options: Options = {}): Promise<T> {
  const begun = Date.now();
  for (let tries = 1; ; tries++) {
    try {
      return await ask<T>(method, path, body, options);
    } catch (error) {
      const wait = error instanceof Refusal && error.code === 'rate_limited' ? Number(error.details.retry_after) : NaN;
      const waited = method === 'GET' ? 0 : (Date.now() - begun) / 1000;
      if (options.once || tries === TRIES || !(waited + wait <= PATIENT_S)) throw error;
      await new Promise((again) => setTimeout(again, wait * 1000 + Math.random() * 500));
    }
  }
}

async function ask<T>(method: Method, path: string, body: unknown, options: Options): Promise<T> {
  const headers: Record<string, string> = { Accept: 'application/json' };
  if (body !== undefined) headers['Content-Type'] = 'application/json';
  if (method !== 'GET') headers['X-CSRF-Token'] = csrf;
  if (options.key) headers['Idempotency-Key'] = options.key;

  let response: Response;
  let text: string;
  try {
    response = await fetch('/api/v1' + path, {
      method,
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
      signal: options.signal,
      credentials: 'same-origin',
    });
    text = await response.text();
  } catch (error) {
    if (options.signal?.aborted && (options.signal.reason as Error).name !== 'TimeoutError') throw error;
    throw new Refusal('offline', 0);
  }
  if (response.ok) return (text ? JSON.parse(text) : undefined) as T;
  throw refused(response.status, text, options.quiet);
}

function refused(status: number, text: string, quiet = false): Refusal {
  let refusal = new Refusal(status >= 502 ? 'unavailable' : 'internal', status);
  try {
    const { error } = JSON.parse(text) as ApiError;
    refusal = new Refusal(error.code, status, error.details ?? {}, error.request_id, error.message);
  } catch {
    // not our JSON: a proxy answered; the status says enough
  }
  if (!quiet) onRefusal(refusal);
  return refusal;
}

/** A query string from what is set. */
export function query(params: Record<string, string | number | undefined | null>): string {
  const q = new URLSearchParams();
  for (const [key, value] of Object.entries(params)) if (value !== undefined && value !== null && value !== '') q.set(key, String(value));
  const s = q.toString();
  return s ? `?${s}` : '';
}

/** All of a list, page by page. */
export async function all<T>(path: string): Promise<T[]> {
  const items: T[] = [];
  for (let cursor: string | undefined = ''; cursor !== undefined; ) {
    const separator = path.includes('?') ? '&' : '?';
    const page: Page<T> = await api<Page<T>>('GET', `${path}${separator}limit=100${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ''}`);
    items.push(...page.items);
    cursor = page.next || undefined;
  }
  return items;
}

/** Uploads one file. fetch has no upload progress, hence XMLHttpRequest. */
export function upload(file: File, progress: (part: number) => void, signal: AbortSignal): Promise<Media> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open('POST', '/api/v1/uploads');
    request.setRequestHeader('X-CSRF-Token', csrf);
    request.upload.onprogress = (e) => e.lengthComputable && progress(e.loaded / e.total);
    request.onerror = () => reject(new Refusal('offline', 0));
    request.onabort = () => reject(new DOMException('', 'AbortError'));
    request.onload = () =>
      request.status < 300 ? resolve(JSON.parse(request.responseText)) : reject(refused(request.status, request.responseText));
    signal.addEventListener('abort', () => request.abort());
    const form = new FormData();
    form.append('file', file, file.name);
    request.send(form);
  });
}
