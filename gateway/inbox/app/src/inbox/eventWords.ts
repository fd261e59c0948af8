/** Events as sentences, and the stored decision behind an assignment. */
import type { ID, ThreadEvent } from '../lib/api/types';
import { known, t, type Key } from '../lib/i18n/i18n.svelte';
import type { Params } from '../lib/i18n/icu';
import { desk } from '../lib/state/desk.svelte';
import { session } from '../lib/state/session.svelte';
import type { IconName } from '../lib/ui/icons';

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

/** The sentence of an event. What one did or got oneself has a sentence of its own: “you” is not a name that fits everywhere. */
export function eventWords(e: ThreadEvent): { key: Key; params: Params } {
  const data = e.data ?? {};
  const me = session.me?.id;
  const actor = e.actor ? desk.agentName(e.actor) : '';
  const or = (own: string, key: Key, mine: boolean): Key => (mine && known(own)) || key;
  switch (e.kind) {
    case 'assigned': {
      const how = `event.assigned.${text(data.how)}`;
      const own = data.to === me ? `${how}.me` : `${how}.by_me`;
      return { key: or(own, known(how) ?? 'event.assigned.automatic', data.to === me || e.actor === me), params: { to: desk.agentName(text(data.to)), actor: actor || t('event.gatehouse') } };
    }
    case 'queued': {
      const why = `event.queued.${text(data.why)}`;
      const from = text(data.from) || e.actor;
      return {
        key: or(`${why}.me`, known(why) ?? 'event.queued.new', from === me),
        params: { department: desk.department(text(data.department))?.name ?? '', from: from ? desk.agentName(from) : '' },
      };
    }
    case 'ended': {
      const label = text(data.label);
      const key = label ? 'event.ended.for' : 'event.ended';
      return { key: or(`${key}.me`, key, e.actor === me), params: { actor: actor || t('event.gatehouse'), reason: label } };
    }
    case 'pended':
    case 'reopened':
      return { key: or(`event.${e.kind}.me`, actor ? `event.${e.kind}` : `event.${e.kind}.auto`, e.actor === me), params: { actor } };
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
