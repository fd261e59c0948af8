/** Events as sentences, and the stored decision behind an assignment. */
import type { ID, ThreadEvent } from '../lib/api/types';
import { known, t, type Key } from '../lib/i18n/i18n.svelte';
import type { Params } from '../lib/i18n/icu';
import { desk } from '../lib/state/desk.svelte';
import { session } from '../lib/state/session.svelte';
import type { IconName } from '../lib/ui/icons';

function nameOf(id: ID | undefined): string {
  return id && id === session.me?.id ? t('event.you') : desk.agentName(id);
}

export function eventIcon(e: ThreadEvent): IconName {
  switch (e.kind) {
    case 'queued': return 'queue';
    case 'pended': return 'pause';
    case 'ended': return 'check';
    case 'window': return 'lock';
    case 'referral': return 'link';
    case 'call': return 'phone';
    case 'reopened': return 'refresh';
    case 'opt_out': return 'mute';
    default: return 'person';
  }
}

const text = (v: unknown) => (typeof v === 'string' ? v : '');

export function eventWords(e: ThreadEvent): { key: Key; params: Params } {
  const data = e.data ?? {};
  const actor = e.actor ? nameOf(e.actor) : '';
  switch (e.kind) {
    case 'assigned': {
      const to = nameOf(text(data.to));
      const how = text(data.how);
      const mine = data.to === session.me?.id;
      const key = known(`event.assigned.${how}${mine ? '.me' : ''}`) ?? known(`event.assigned.${how}`) ?? 'event.assigned.automatic';
      return { key, params: { to, actor: actor || t('event.gatehouse') } };
    }
    case 'queued': {
      const department = desk.department(text(data.department))?.name ?? '';
      const from = text(data.from) ? nameOf(text(data.from)) : actor;
      return { key: known(`event.queued.${text(data.why)}`) ?? 'event.queued.new', params: { department, from } };
    }
    case 'ended': {
      const label = text(data.label);
      return { key: label ? 'event.ended.for' : 'event.ended', params: { actor: actor || t('event.gatehouse'), reason: label } };
    }
    case 'pended':
    case 'reopened':
      return { key: actor ? `event.${e.kind}` : `event.${e.kind}.auto`, params: { actor } };
    case 'referral':
      return { key: 'event.referral', params: { title: text(data.headline) || text(data.source) || '' } };
    case 'window':
    case 'identity':
    case 'call':
    case 'opt_out':
    case 'opt_in':
      return { key: `event.${e.kind}`, params: {} };
    default:
      return { key: 'event.other', params: { kind: e.kind } };
  }
}

export interface Decision {
  agent: ID;
  reason: string;
  candidates: ID[];
  skipped: { agent: ID; reason: string }[];
}

export function decisionOf(e: ThreadEvent): Decision | undefined {
  if (e.kind !== 'assigned') return undefined;
  const d = e.data?.decision as Partial<Decision> | undefined;
  if (!d) return undefined;
  return {
    agent: d.agent ?? text(e.data?.to),
    reason: d.reason ?? '',
    candidates: d.candidates ?? [],
    skipped: d.skipped ?? [],
  };
}
