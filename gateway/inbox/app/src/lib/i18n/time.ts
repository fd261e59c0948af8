/** Times as people read them, in the agent's zone and language. */
import { locale, t } from './i18n.svelte';

const formats = new Map<string, Intl.DateTimeFormat>();

function format(options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = locale() + JSON.stringify(options);
  let f = formats.get(key);
  if (!f) formats.set(key, (f = new Intl.DateTimeFormat(locale(), options)));
  return f;
}

// A minute is said by many messages and rows, and again each time one comes back.
const clocks = new Map<string, string>();
const MOST_CLOCKS = 5_000;

const dayOf = (d: Date) => new Date(d.getFullYear(), d.getMonth(), d.getDate());

/** Whole calendar days from `at` to `now`. */
export function daysAgo(at: Date, now: Date): number {
  return Math.round((dayOf(now).getTime() - dayOf(at).getTime()) / 86_400_000);
}

export function clockTime(at: string): string {
  const key = locale() + at;
  let said = clocks.get(key);
  if (said === undefined) {
    if (clocks.size >= MOST_CLOCKS) clocks.clear();
    clocks.set(key, (said = format({ hour: '2-digit', minute: '2-digit', hourCycle: 'h23' }).format(new Date(at))));
  }
  return said;
}

/** A list's time: 14:36, Yesterday, Monday, 12 Nov. */
export function listTime(at: string, now: number): string {
  const date = new Date(at);
  const days = daysAgo(date, new Date(now));
  if (days <= 0) return clockTime(at);
  if (days === 1) return t('time.yesterday');
  if (days < 7) return format({ weekday: 'long' }).format(date);
  return shortDate(at, now);
}

/** 12 Nov, with the year when it is not this one. */
export function shortDate(at: string, now: number): string {
  const date = new Date(at);
  const sameYear = date.getFullYear() === new Date(now).getFullYear();
  return format({ day: 'numeric', month: 'short', ...(sameYear ? {} : { year: 'numeric' }) }).format(date);
}

/** A day group's heading. */
export function dayName(at: string, now: number): string {
  const date = new Date(at);
  const days = daysAgo(date, new Date(now));
  if (days <= 0) return t('time.today');
  if (days === 1) return t('time.yesterday');
  if (days < 7) return format({ weekday: 'long', day: 'numeric', month: 'long' }).format(date);
  return format({ day: 'numeric', month: 'long', year: 'numeric' }).format(date);
}

export function fullTime(at: string): string {
  return format({ dateStyle: 'full', timeStyle: 'long' }).format(new Date(at));
}

export function monthYear(at: string): string {
  return format({ month: 'long', year: 'numeric' }).format(new Date(at));
}

/** A wait or a rest: 40 s only below a minute and when asked, else 48 min, 3 h 5 min, 5 d 3 h. */
export function span(ms: number, seconds = false): string {
  const s = Math.max(0, Math.floor(ms / 1000));
  if (seconds && s < 60) return t('time.s', { s });
  const m = Math.floor(s / 60);
  if (m < 60) return t('time.min', { m });
  const h = Math.floor(m / 60);
  if (h < 24 * 3) return m % 60 ? t('time.hMin', { h, m: m % 60 }) : t('time.h', { h });
  const d = Math.floor(h / 24);
  return h % 24 ? t('time.dH', { d, h: h % 24 }) : t('time.d', { d });
}

/** Long ago in words: now, 18 min ago, yesterday, 12 Oct. */
export function ago(at: string, now: number): string {
  const ms = now - Date.parse(at);
  if (ms < 60_000) return t('time.now');
  if (ms < 86_400_000 && daysAgo(new Date(at), new Date(now)) === 0) return t('time.ago', { span: span(ms) });
  return listTime(at, now);
}

/** 0:14 */
export function playTime(ms: number): string {
  const s = Math.round(ms / 1000);
  return `${Math.floor(s / 60)}:${String(s % 60).padStart(2, '0')}`;
}

export function bytes(n: number): string {
  const number = (value: number, digits: number) =>
    new Intl.NumberFormat(locale(), { maximumFractionDigits: digits }).format(value);
  if (n < 1000) return t('size.b', { n: number(n, 0) });
  if (n < 1_000_000) return t('size.kb', { n: number(n / 1024, 0) });
  return t('size.mb', { n: number(n / 1_048_576, n < 10_000_000 ? 1 : 0) });
}
