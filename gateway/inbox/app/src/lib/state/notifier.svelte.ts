/** Sound, title badge and favicon dot. One tab speaks for all; at most one tone in four seconds, the second one softer. */
import type { ServerFrame } from '../api/types';
import { session } from './session.svelte';

const PAUSE_MS = 4_000;
const SOFTER_MS = 60_000;

class Notifier {
  /** The browser keeps quiet until a press. */
  blocked = $state(false);
  #context: AudioContext | undefined;
  #last = 0;
  #leader = false;
  /** The conversation on the screen, if the person is looking. */
  #open: () => string | undefined = () => undefined;

  start(open: () => string | undefined): () => void {
    this.#open = open;
    const ends = new AbortController();
    if (navigator.locks) {
      void navigator.locks
        .request('gatehouse-sound', { signal: ends.signal }, () => {
          this.#leader = true;
          return new Promise<void>((resolve) => ends.signal.addEventListener('abort', () => resolve()));
        })
        .catch(() => {}); // aborted while waiting for its turn
    } else this.#leader = true;
    const unlock = () => void this.unlock();
    document.addEventListener('pointerdown', unlock, { signal: ends.signal });
    document.addEventListener('keydown', unlock, { signal: ends.signal });
    return () => ends.abort();
  }

  async unlock() {
    this.#context ??= new AudioContext();
    if (this.#context.state === 'suspended') await this.#context.resume();
    this.blocked = this.#context.state !== 'running';
  }

  onFrame(frame: ServerFrame) {
    if (frame.type !== 'conversation') return;
    const me = session.me;
    if (!me || frame.conversation.agent_id !== me.id) return;
    const looking = document.visibilityState === 'visible' && document.hasFocus() && this.#open() === frame.conversation.id;
    const assigned = frame.events.some((e) => e.kind === 'assigned' && e.actor !== me.id);
    const wrote = !looking && frame.events.some((e) => e.kind === 'message' && e.message?.direction === 'in');
    if (assigned || wrote) this.ring();
  }

  ring() {
    const sound = session.prefs.sound ?? { on: true, volume: 0.6 };
    if (!this.#leader || !sound.on || session.me?.presence !== 'online') return;
    const now = Date.now();
    if (now - this.#last < PAUSE_MS) return;
    void this.play(now - this.#last < SOFTER_MS ? sound.volume / 2 : sound.volume);
    this.#last = now;
  }

  /** Two soft notes, made here: no file to fetch. */
  async play(volume: number) {
    await this.unlock();
    const context = this.#context!;
    if (context.state !== 'running') return;
    for (const [i, frequency] of [660, 880].entries()) {
      const at = context.currentTime + i * 0.14;
      const gain = context.createGain();
      gain.gain.setValueAtTime(0, at);
      gain.gain.linearRampToValueAtTime(volume * 0.25, at + 0.015);
      gain.gain.exponentialRampToValueAtTime(0.0001, at + 0.35);
      const note = context.createOscillator();
      note.type = 'sine';
      note.frequency.value = frequency;
      note.connect(gain).connect(context.destination);
      note.start(at);
      note.stop(at + 0.4);
    }
  }
}

export const notifier = new Notifier();

/** (2) Mine · Gatehouse, and a dot in the tab's icon. */
export function showUnread(count: number, title: string) {
  document.title = (count ? `(${count > 99 ? '99+' : count}) ` : '') + title;
  const icon = document.querySelector<HTMLLinkElement>('link[rel=icon]')!;
  const href = count ? '/favicon-dot.svg' : '/favicon.svg';
  if (icon.getAttribute('href') !== href) icon.setAttribute('href', href);
}
