/** The house's vital signs, asked for while the page is open and seen. */
import { api, asRefusal, query, type Refusal } from '../lib/api/client';
import type { Vitals } from '../lib/api/types';

export type Span = 'hour' | 'day';

const EVERY_MS = 15_000;

export class Watch {
  span = $state<Span>('hour');
  vitals = $state.raw<Vitals | null>(null);
  /** Why the last question was not answered; what was known before stays. */
  refusal = $state.raw<Refusal | null>(null);
  #asked = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  start(): () => void {
    const seen = () => document.visibilityState === 'visible' && void this.look();
    document.addEventListener('visibilitychange', seen);
    void this.look();
    return () => {
      document.removeEventListener('visibilitychange', seen);
      clearTimeout(this.#timer);
      this.#asked = -1;
    };
  }

  async look() {
    if (this.#asked < 0) return;
    const asked = ++this.#asked;
    clearTimeout(this.#timer);
    try {
      const answer = await api<Vitals>('GET', `/ops/vitals${query({ span: this.span })}`);
      if (asked !== this.#asked) return; // a later question overtook it
      this.vitals = answer;
      this.refusal = null;
    } catch (error) {
      if (asked !== this.#asked) return;
      this.refusal = asRefusal(error);
    }
    this.#timer = setTimeout(() => document.visibilityState === 'visible' && void this.look(), EVERY_MS);
  }
}
