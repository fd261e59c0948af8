/** The sentence of a refusal: the catalogue's `error.<code>`, with its facts filled in (UI.md §6.8). */
import { known, t, type Key } from './i18n.svelte';
import type { Params } from './icu';
import { bytes, clockTime, shortDate, span } from './time';
import { clock } from '../state/clock.svelte';
import { desk } from '../state/desk.svelte';

type Details = Record<string, unknown>;

const number = (v: unknown) => (typeof v === 'number' ? v : undefined);
const text = (v: unknown) => (typeof v === 'string' ? v : undefined);

/** Facts as words. `error.<code>.full` is said when all its facts are there, else the short `error.<code>`. */
function facts(details: Details): Params {
  const out: Params = {};
  for (const [key, value] of Object.entries(details)) {
    const n = number(value);
    const s = text(value);
    if (n !== undefined) out[key] = n;
    else if (s !== undefined) out[key] = s;
  }
  const limit = number(details.limit);
  const size = number(details.size) ?? number(details.got);
  if (limit !== undefined) out.limitSize = bytes(limit);
  if (size !== undefined) out.gotSize = bytes(size);
  if (limit !== undefined && out.over === undefined && number(details.got) !== undefined) out.over = number(details.got)! - limit;
  const after = number(details.retry_after);
  if (after !== undefined) out.wait = span(after * 1000, true);
  const until = text(details.until);
  if (until) out.until = `${shortDate(until, clock.now)} ${clockTime(until)}`;
  const agent = text(details.agent_id);
  if (agent) out.agent = desk.agentName(agent);
  const kind = text(details.kind);
  out.kindName = t(known(`kinds.${kind}`) ?? 'kinds.file');
  return out;
}

export function sentence(code: string, details: Details = {}): string {
  // A rule that was broken says more than that something is not valid.
  const rule = known(`rule.${code}.${text(details.rule) ?? text(details.field) ?? ''}`);
  if (rule) return t(rule, facts(details));
  const key = known(`error.${code}`) ?? 'error.internal';
  const params = facts(details);
  const full = known(`${key}.full`);
  if (full) {
    const said = t(full, params);
    if (!/\{\w+\}/.test(said)) return said;
  }
  return t(key, params);
}

/** Where in a form a refusal belongs, and what to say there; null if it is not about one of the form's fields. */
export function fieldRefused({ code, details = {} }: { code: string; details?: Details }, has: (field: string) => boolean): { field: string; says: string } | null {
  const field = text(details.setting) ?? text(details.field);
  if (!field || !has(field)) return null;
  const rule = known(`rule.${code}.${text(details.rule) ?? field}`);
  return { field, says: rule ? t(rule, facts(details)) : t('form.notAccepted') };
}

/** A toast may hold any key; refusals are sentences already. */
export function sentenceKnown(key: Key, params: Params): string {
  return key.startsWith('error.') ? sentence(key.slice('error.'.length), params) : t(key, params);
}
