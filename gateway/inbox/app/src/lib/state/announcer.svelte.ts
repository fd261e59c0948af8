/** Words for assistive technology, in one hidden status region each; the newest of a burst, not every change of the page. */
import { t } from '../i18n/i18n.svelte';

const MERGE_MS = 2_000;
const MERGE_FROM = 4;

class Announcer {
  polite = $state('');
  assertive = $state('');
  #burst: { name: string; count: number; since: number } | undefined;

  say(text: string) {
    this.polite = text;
  }

  shout(text: string) {
    this.assertive = text;
  }

  /** A new incoming message of the open conversation. */
  message(name: string, text: string) {
    const now = Date.now();
    if (!this.#burst || this.#burst.name !== name || now - this.#burst.since > MERGE_MS) this.#burst = { name, count: 0, since: now };
    this.#burst.count++;
    this.polite =
      this.#burst.count >= MERGE_FROM ? t('a11y.newMessages', { n: this.#burst.count, name }) : `${name}: ${text.slice(0, 150)}`;
  }
}

export const announcer = new Announcer();
