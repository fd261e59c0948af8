/** Who works here: sign-in, presence, preferences, permissions. */
import { api, asRefusal, Refusal, setCsrf, watchRefusals } from '../api/client';
import type { Me, Prefs, Presence } from '../api/types';
import { useLanguage } from '../i18n/i18n.svelte';
import { clock } from './clock.svelte';
import { keepPlain } from './kept';

type Status = 'loading' | 'out' | 'in' | 'unreachable';

class Session {
  status = $state<Status>('loading');
  /** The session ended while somebody worked: the page stays, the person signs in in place. */
  over = $state(false);
  me = $state.raw<Me | null>(null);

  constructor() {
    watchRefusals((refusal) => {
      if (refusal.code === 'session_over' && this.status === 'in') this.over = true;
      if (refusal.code === 'password_change' && this.me) this.me = { ...this.me, must_change_password: true };
    });
  }

  get prefs(): Prefs {
    return this.me?.prefs ?? {};
  }

  can(permission: string): boolean {
    return !!this.me?.permissions.includes(permission);
  }

  async start() {
    this.status = 'loading';
    try {
      await this.enter(await api<Me>('GET', '/me', undefined, { quiet: true }));
    } catch (error) {
      const refusal = asRefusal(error);
      this.status = refusal.code === 'session_over' ? 'out' : 'unreachable';
    }
  }

  /** totp is a code of the second factor, or a recovery code; whoever has one is asked for it by a refusal. */
  async signIn(email: string, password: string, totp?: string) {
    await this.enter(await api<Me>('POST', '/session', { email, password, totp }, { quiet: true, once: true }));
  }

  async enter(me: Me) {
    this.take(me);
    if (me.prefs.language) await this.#language(me.prefs.language);
    if (me.prefs.theme) this.#theme(me.prefs.theme);
    this.over = false;
    this.status = 'in';
  }

  async signOut() {
    try {
      await api('DELETE', '/session');
    } catch (error) {
      if (asRefusal(error).code !== 'session_over') throw error;
    }
    this.me = null;
    this.over = false;
    this.status = 'out';
  }

  take(me: Me) {
    this.me = me;
    setCsrf(me.csrf);
    clock.set(me.server_time);
  }

  async setPresence(presence: Presence, reason?: string) {
    this.take(await api<Me>('PUT', '/me/presence', { presence, reason }, { once: true }));
  }

  patch(change: Partial<Me>) {
    if (this.me) this.me = { ...this.me, ...change };
  }

  /** Applies at once; the server is told, and a refusal is the caller's to show. */
  async savePrefs(change: Partial<Prefs>) {
    const prefs = { ...this.prefs, ...change };
    this.patch({ prefs });
    if (change.theme) this.#theme(change.theme);
    if (change.language) await this.#language(change.language);
    await api('PUT', '/me/prefs', prefs, { once: true });
  }

  #theme(theme: NonNullable<Prefs['theme']>) {
    keepPlain('theme', theme);
    applyTheme(theme);
  }

  async #language(language: NonNullable<Prefs['language']>) {
    keepPlain('language', language);
    await useLanguage(language);
  }
}

const dark = matchMedia('(prefers-color-scheme: dark)');

export function applyTheme(theme: NonNullable<Prefs['theme']>) {
  const isDark = theme === 'dark' || (theme === 'system' && dark.matches);
  document.documentElement.dataset.theme = isDark ? 'dark' : 'light';
}

export const session = new Session();

dark.addEventListener('change', () => applyTheme(session.prefs.theme ?? 'system'));

export { Refusal };
