/**
 * Gathers what is to be read again. There is one question at a time, and the next covers all that was told meanwhile. Who asks for
 * something does not wait; what is heard from elsewhere waits a random while, so that a thousand tabs do not ask in one moment, and is
 * asked for until it was answered.
 */
import { asRefusal } from '../api/client';

const SOON_MS = { least: 100, most: 1_000 };
const AGAIN_MS = [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 60_000];
/** Nothing is answered before somebody did something else: signed in again, changed the password. */
const FUTILE = new Set(['session_over', 'password_change']);

interface Call<Name> {
  names: readonly Name[];
  done(): void;
  failed(error: unknown): void;
}

export class Gatherer<Name> {
  /** To be read: heard of, and not answered since. */
  #heard = new Set<Name>();
  #calls: Call<Name>[] = [];
  #asking = false;
  #ended = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #failures = 0;
  #refused = { code: '', afterMs: 0 };

  constructor(private ask: (names: Name[]) => Promise<unknown>) {}

  /** Reads them, by a question that is asked after this call and shared with other calls. A failure is the caller's to show. */
  read(names: readonly Name[]): Promise<void> {
    return new Promise((done, failed) => {
      this.#calls.push({ names, done, failed });
      queueMicrotask(() => this.#calls.length && void this.#question());
    });
  }

  /** They changed elsewhere. */
  hear(names: readonly Name[]) {
    for (const name of names) this.#heard.add(name);
    this.#schedule();
  }

  /** The server is there again: what failed need not wait any longer. */
  again() {
    this.#failures = 0;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#schedule();
  }

  /** Nobody is there to read it: nothing more is asked. */
  end() {
    this.#ended = true;
    clearTimeout(this.#timer);
    for (const call of this.#calls.splice(0)) call.failed(new DOMException('nobody waits for it', 'AbortError'));
  }

  #schedule() {
    if (this.#asking || this.#ended || !this.#heard.size || (this.#failures && FUTILE.has(this.#refused.code))) return;
    this.#timer ??= setTimeout(() => void this.#question(), this.#pause());
  }

  #pause(): number {
    const random = Math.random();
    if (!this.#failures) return SOON_MS.least + random * (SOON_MS.most - SOON_MS.least);
    return Math.max(AGAIN_MS[Math.min(this.#failures, AGAIN_MS.length) - 1], this.#refused.afterMs) * (1 + random / 2);
  }

  async #question() {
    if (this.#asking) return; // when it is answered
    this.#asking = true;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const calls = this.#calls.splice(0);
    const told = [...this.#heard];
    this.#heard.clear();
    try {
      await this.ask([...new Set([...told, ...calls.flatMap((call) => call.names)])]);
      this.#failures = 0;
      for (const call of calls) call.done();
    } catch (error) {
      for (const name of told) this.#heard.add(name);
      const { code, details } = asRefusal(error);
      this.#failures++;
      this.#refused = { code, afterMs: (Number(details.retry_after) || 0) * 1_000 };
      for (const call of calls) call.failed(error);
    }
    this.#asking = false;
    if (this.#calls.length) void this.#question();
    else this.#schedule();
  }
}
