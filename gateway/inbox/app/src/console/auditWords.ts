/** A row of the audit in words: what was done, and what of it was changed. */
import type { AuditEntry } from '../lib/api/types';
import { known, t } from '../lib/i18n/i18n.svelte';
import { desk } from '../lib/state/desk.svelte';

export interface Change {
  name: string; // of the field, as the trace has it
  field: string;
  /** Both, or only what it became, where the trace has them: of anybody's own words it has the field's name alone. */
  from?: string;
  to?: string;
}

/** What it was called then; what has no name in the trace is looked up. */
const object = (e: AuditEntry) => e.name || desk.agent(e.object_id)?.name || desk.account(e.object_id)?.name || t('audit.unnamed');

export function deed(e: AuditEntry): string {
  const key = known(`audit.did.${e.action}`);
  const own = e.agent_id !== undefined && e.agent_id === e.object_id ? known(`audit.did.${e.action}.own`) : undefined;
  return key ? t(own ?? key, { name: object(e) }) : t('audit.didOther', { action: e.action, name: object(e) });
}

export function who(e: AuditEntry): string {
  if (e.agent_id) return desk.agentName(e.agent_id);
  return t(e.api_key_id ? 'audit.byKey' : 'audit.byOperator');
}

function field(name: string): string {
  const key = known(`audit.field.${name}`);
  return key ? t(key) : name;
}

function value(e: AuditEntry, field: string, v: unknown): string {
  if (Array.isArray(v)) return v.map((one) => value(e, field, one)).join(', ') || t('agents.none');
  const text = String(v);
  if (field === 'departments') return desk.department(text)?.name ?? t('audit.goneDepartment');
  if (field === 'kind') return desk.kindLabel(text);
  if (field === 'settings') return desk.kind(desk.account(e.object_id)?.kind)?.settings.find((s) => s.name === text)?.label ?? text;
  const key = field === 'state' ? known(`audit.state.${text}`) : known(`${field}.${text}`);
  return key ? t(key) : text;
}

/** A list of names says what was changed; pairs say from what to what; other facts are as it was made. */
export function changes(e: AuditEntry): Change[] {
  const { changed, ...facts } = e.details;
  const out = new Map<string, Change>();
  if (Array.isArray(changed)) for (const name of changed.map(String)) out.set(name, { name, field: field(name) });
  else if (changed && typeof changed === 'object') {
    for (const [name, pair] of Object.entries(changed)) {
      out.set(name, Array.isArray(pair) ? { name, field: field(name), from: value(e, name, pair[0]), to: value(e, name, pair[1]) } : { name, field: field(name) });
    }
  }
  for (const [name, fact] of Object.entries(facts)) {
    if (!Array.isArray(fact) || fact.length) out.set(name, { name, field: field(name), to: value(e, name, fact) });
  }
  return [...out.values()].sort((a, b) => a.field.localeCompare(b.field));
}
