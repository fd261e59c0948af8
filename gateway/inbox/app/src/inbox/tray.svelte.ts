/** Files on their way into a message: checked first, uploaded at once, each with its own progress and its own refusal. */
import { asRefusal, upload } from '../lib/api/client';
import type { ID, Limits, Media } from '../lib/api/types';
import { sentence } from '../lib/i18n/errors';
import { checkFile } from '../lib/model/files';
import type { KeptDraft } from '../lib/state/drafts.svelte';

const MOST_FILES = 10;

export interface TrayItem {
  key: string;
  name: string;
  type: string;
  size: number;
  progress: number;
  /** An address of the picture in this page, for the thumbnail. */
  preview?: string;
  media?: Media;
  error?: string;
}

export class Tray {
  items = $state.raw<TrayItem[]>([]);
  changed: () => void = () => {};
  #running = new Map<string, AbortController>();

  constructor(readonly conversation: ID) {}

  busy = $derived(this.items.some((i) => !i.media && !i.error));
  ready = $derived(this.items.filter((i) => i.media));

  add(files: File[], limits: Limits | undefined, channel: string) {
    for (const file of files.slice(0, MOST_FILES - this.items.length)) {
      const problem = limits && checkFile(file, limits);
      const item: TrayItem = { key: crypto.randomUUID(), name: file.name, type: file.type, size: file.size, progress: 0 };
      if (file.type.startsWith('image/')) item.preview = URL.createObjectURL(file);
      if (problem) item.error = sentence(problem.code, { ...problem, channel });
      this.items = [...this.items, item];
      if (!problem) void this.#upload(item.key, file);
    }
  }

  async #upload(key: string, file: File) {
    const controller = new AbortController();
    this.#running.set(key, controller);
    try {
      const media = await upload(file, (progress) => this.#patch(key, { progress }), controller.signal);
      this.#patch(key, { media, progress: 1 });
      this.changed();
    } catch (error) {
      if (!controller.signal.aborted) this.#patch(key, { error: sentence(asRefusal(error).code, asRefusal(error).details) });
    } finally {
      this.#running.delete(key);
    }
  }

  #patch(key: string, change: Partial<TrayItem>) {
    this.items = this.items.map((i) => (i.key === key ? { ...i, ...change } : i));
  }

  remove(key: string) {
    this.#running.get(key)?.abort();
    this.#free(this.items.filter((i) => i.key === key));
    this.items = this.items.filter((i) => i.key !== key);
    this.changed();
  }

  restore(files: KeptDraft['files']) {
    const known = new Set(this.items.map((i) => i.media?.id));
    const fresh = files.filter((f) => !known.has(f.id));
    if (fresh.length) {
      this.items = [
        ...this.items,
        ...fresh.map((f) => ({ key: f.id, name: f.name, type: f.type, size: f.size, progress: 1, media: { id: f.id, state: 'ready' as const, type: f.type, name: f.name, size: f.size } })),
      ];
    }
  }

  clear() {
    this.#free(this.items);
    this.items = [];
  }

  stop() {
    for (const c of this.#running.values()) c.abort();
    this.#free(this.items);
  }

  #free(items: TrayItem[]) {
    for (const i of items) if (i.preview) URL.revokeObjectURL(i.preview);
  }
}
