/**
 * What opens a menu or a popover beside itself: the props of its button. The button is light; what it opens is fetched when it
 * is first wanted, which the shell makes sure happens before anybody wants it.
 */
import { createAttachmentKey } from 'svelte/attachments';

export class Opener {
  anchor = $state.raw<HTMLElement | null>(null);
  /** Opened by a key: the first item gets the focus. */
  byKey = false;

  readonly #key = createAttachmentKey();
  readonly #attach = (node: HTMLElement) => {
    this.anchor = node;
    return () => (this.anchor = null);
  };

  constructor(readonly kind: 'menu' | 'dialog', readonly isOpen: () => boolean, readonly open: (open: boolean) => void) {}

  get props(): Record<string | symbol, unknown> {
    return {
      'aria-haspopup': this.kind,
      'aria-expanded': this.isOpen() ? 'true' : 'false',
      onclick: (event: MouseEvent) => this.#press(!this.isOpen(), event.detail === 0),
      onkeydown: (event: KeyboardEvent) => {
        if (this.kind !== 'menu' || event.key !== 'ArrowDown') return;
        event.preventDefault();
        this.#press(true, true);
      },
      [this.#key]: this.#attach,
    };
  }

  #press(open: boolean, byKey: boolean) {
    this.byKey = byKey;
    this.open(open);
  }

  /** A press on the button is no press outside: it shuts by itself. */
  outside = (event: PointerEvent) => {
    if (this.anchor?.contains(event.target as Node)) event.preventDefault();
  };
}
