/** Results of one's own deeds, with Undo where there is one. At most three; a fourth pushes out the oldest. */
import type { Key } from '../i18n/i18n.svelte';
import type { Params } from '../i18n/icu';

export interface Toast {
  id: number;
  key: Key;
  params: Params;
  tone: 'plain' | 'bad';
  action?: { label: Key; run: () => void };
  details?: string;
}

const PLAIN_MS = 5_000;
const UNDO_MS = 8_000;

let next = 1;

class Toasts {
  list = $state.raw<Toast[]>([]);
  #timers = new Map<number, { timer: ReturnType<typeof setTimeout>; left: number; since: number }>();

  show(key: Key, options: Partial<Omit<Toast, 'id' | 'key'>> & { undo?: () => void } = {}) {
    const { undo, ...rest } = options;
    const toast: Toast = { id: next++, key, params: {}, tone: 'plain', ...rest };
    if (undo) toast.action = { label: 'action.undo', run: undo };
    for (const old of this.list.slice(0, Math.max(0, this.list.length - 2))) this.close(old.id);
    this.list = [...this.list, toast];
    this.#start(toast.id, undo || toast.tone === 'bad' ? UNDO_MS : PLAIN_MS);
  }

  close(id: number) {
    clearTimeout(this.#timers.get(id)?.timer);
    this.#timers.delete(id);
    this.list = this.list.filter((t) => t.id !== id);
  }

  act(toast: Toast) {
    this.close(toast.id);
    toast.action?.run();
  }

  /** The key Z. */
  undoLatest() {
    const toast = this.list.findLast((t) => t.action?.label === 'action.undo');
    if (toast) this.act(toast);
  }

  pause() {
    for (const entry of this.#timers.values()) {
      clearTimeout(entry.timer);
      entry.left -= Date.now() - entry.since;
    }
  }

  resume() {
    for (const [id, entry] of this.#timers) this.#start(id, Math.max(1000, entry.left));
  }

  #start(id: number, ms: number) {
    this.#timers.set(id, { timer: setTimeout(() => this.close(id), ms), left: ms, since: Date.now() });
  }
}

export const toasts = new Toasts();
