/** A message in one line: for quotes, previews and assistive technology. */
import type { Message } from '../lib/api/types';
import { t, type Key } from '../lib/i18n/i18n.svelte';
import { playTime } from '../lib/i18n/time';
import { desk } from '../lib/state/desk.svelte';
import { session } from '../lib/state/session.svelte';

export function messageLine(m: Message): string {
  if (m.deleted_at) return t('message.deleted');
  if (m.text) return m.text;
  const length = m.media?.[0]?.duration_ms;
  if ((m.kind === 'voice' || m.kind === 'audio') && length) return `${t(`kinds.${m.kind}`)}, ${playTime(length)}`;
  return m.media?.[0]?.name ?? t(`kinds.${m.kind}` as Key);
}

export function senderName(m: Message, contact: string): string {
  if (m.direction === 'in') return contact;
  if (m.source === 'phone_app') return t('message.phoneApp');
  if (m.source === 'api') return t('message.api');
  if (m.source === 'system') return t('message.system');
  if (m.agent_id === session.me?.id) return t('message.you');
  return desk.agentName(m.agent_id);
}
