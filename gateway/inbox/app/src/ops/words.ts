/** Signs and figures in words. */
import type { TroubledEvent, VitalSign } from '../lib/api/types';
import { known, locale, t, type Key } from '../lib/i18n/i18n.svelte';
import type { Params } from '../lib/i18n/icu';
import { span } from '../lib/i18n/time';
import { desk } from '../lib/state/desk.svelte';

/** Seconds as a person says them: 12 ms, 3.4 s, 48 min. */
export function took(seconds: number): string {
  const number = (n: number, digits: number) => new Intl.NumberFormat(locale(), { maximumFractionDigits: digits }).format(n);
  if (seconds < 0.9995) return t('ops.ms', { n: number(seconds * 1000, seconds < 0.01 ? 1 : 0) });
  if (seconds < 60) return t('ops.s', { n: number(seconds, seconds < 10 ? 1 : 0) });
  return span(seconds * 1000);
}

/** How long somebody or something has waited: whole seconds. */
export const waited = (seconds: number) => (seconds < 1 ? t('ops.s', { n: 0 }) : took(seconds < 60 ? Math.floor(seconds) : seconds));

export const part = (p: number) => new Intl.NumberFormat(locale(), { style: 'percent', maximumFractionDigits: p < 0.1 ? 1 : 0 }).format(p);

export function reasonWords(reason: string): string {
  const key = known(`error.${reason}`) ?? known(`accounts.why.${reason}`);
  return key ? t(key) : reason;
}

export interface Spoken {
  sign: VitalSign;
  what: string;
  means: string;
  todo: string;
  reason: string;
  go?: { label: string; href: string };
}

/** A sign, what it means, what to do, and where. */
export function speak(sign: VitalSign): Spoken {
  const facts: Params = {
    n: sign.count, time: waited(sign.seconds), part: part(sign.part), name: sign.name, role: known(`ops.role.${sign.kind}`) ? t(`ops.role.${sign.kind}` as Key) : '', channel: desk.kindLabel(sign.kind),
  };
  if (sign.id === 'IngestSlow' || sign.id === 'SendSlow') facts.time = took(sign.seconds);
  return {
    sign,
    what: t(`ops.sign.${sign.id}.what` as Key, facts),
    means: t(`ops.sign.${sign.id}.means` as Key, facts),
    todo: t(`ops.sign.${sign.id}.do` as Key, facts),
    reason: sign.account_id ? reasonWords(sign.reason) : '',
    go: whereTo(sign),
  };
}

function whereTo(sign: VitalSign): Spoken['go'] {
  if (sign.account_id) return { label: t('ops.go.account'), href: `/console/accounts/${sign.account_id}` };
  switch (sign.id) {
    case 'Quarantined': case 'QuarantineGrows': return { label: t('ops.go.events'), href: '#aside' };
    case 'WebhooksUnrouted': return { label: t('ops.go.events'), href: '#unrouted' };
    case 'LongWait': case 'NobodyOnline': case 'RoutingIdle': return { label: t('ops.go.queue'), href: '/inbox/queue' };
  }
}

/** Whom an event was for: an account of ours, or the provider's name of one that is not here. */
export function addressee(e: TroubledEvent): string {
  const account = desk.account(e.account_id);
  return account ? `${account.name} · ${desk.kindLabel(account.kind)}` : e.account_id || `${desk.kindLabel(e.kind)} ${e.key}`;
}
