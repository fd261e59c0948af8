/**
 * Tooltips: what each says is noted beside its element, and one layer shows the one that is wanted. An element costs an
 * entry in a map, so that a thread of hundreds of buttons opens as fast as one of none.
 */
import { untrack } from 'svelte';
import type { Attachment } from 'svelte/attachments';

export interface TipText {
  text: string;
  keys?: string;
  side: 'top' | 'bottom';
  /** Nothing is said now: what it would explain is open. */
  off: boolean;
}

const DELAY_MS = 400;

class Tips {
  /** What is shown, and beside what. */
  shown = $state.raw<{ anchor: HTMLElement; tip: TipText } | null>(null);

  #says = new WeakMap<Element, () => TipText>();
  #wait: ReturnType<typeof setTimeout> | undefined;
  #over: HTMLElement | undefined;

  /** Notes an element. What it says is asked for when it is shown. */
  on = (says: () => TipText): Attachment<HTMLElement> => (node) => {
    node.dataset.tip = '';
    this.#says.set(node, says);
    return () => {
      this.#says.delete(node);
      if (this.shown?.anchor === node) this.hide();
    };
  };

  start(): () => void {
    const listeners: [keyof DocumentEventMap, (event: Event) => void][] = [
      ['pointerover', (event) => this.#hover(event as PointerEvent)],
      ['focusin', (event) => this.#focus(event)],
      ['focusout', () => this.hide()],
      ['pointerdown', () => this.hide()],
      ['click', (event) => this.#refused(event)],
      ['scroll', () => this.hide()],
      ['keydown', (event) => { if ((event as KeyboardEvent).key === 'Escape') this.hide(); }],
    ];
    // They run within the effect of whoever moves the focus: what they read is none of its business.
    const hears = listeners.map(([kind, listener]) => [kind, (event: Event) => untrack(() => listener(event))] as const);
    for (const [kind, hear] of hears) document.addEventListener(kind, hear, { capture: true, passive: true });
    return () => {
      for (const [kind, hear] of hears) document.removeEventListener(kind, hear, { capture: true });
      this.hide();
    };
  }

  hide() {
    clearTimeout(this.#wait);
    if (this.shown) this.shown = null;
  }

  #anchor(event: Event): HTMLElement | undefined {
    return (event.target as Element).closest?.<HTMLElement>('[data-tip]') ?? undefined;
  }
  #hover(event: PointerEvent) {
    if (event.pointerType !== 'mouse') return;
    const anchor = this.#anchor(event);
    if (anchor === this.#over) return;
    this.#over = anchor;
    if (this.shown && this.shown.anchor !== document.activeElement) this.hide();
    clearTimeout(this.#wait);
    if (anchor) this.#wait = setTimeout(() => this.#show(anchor), DELAY_MS);
  }
  #focus(event: Event) {
    const anchor = this.#anchor(event);
    if (anchor && anchor === event.target && anchor.matches(':focus-visible')) this.#show(anchor);
  }
  /** A press on what cannot be pressed now says why, also without a pointer that hovers. */
  #refused(event: Event) {
    const anchor = this.#anchor(event);
    if (anchor?.ariaDisabled === 'true') this.#show(anchor);
  }
  #show(anchor: HTMLElement) {
    clearTimeout(this.#wait);
    const tip = this.#says.get(anchor)?.();
    if (tip && tip.text && !tip.off && anchor.isConnected) this.shown = { anchor, tip };
  }
}

export const tips = new Tips();
