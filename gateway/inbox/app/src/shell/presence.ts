/** Presence in words: “Online”, “Break · lunch”, “Offline”. */
import type { ID, Presence } from '../lib/api/types';
import { t } from '../lib/i18n/i18n.svelte';
import { desk } from '../lib/state/desk.svelte';

export function presenceWords(a: { presence: Presence; break_reason?: ID }): string {
  const reason = a.presence === 'break' ? desk.breakReason(a.break_reason) : undefined;
  return reason ? t('presence.breakFor', { reason }) : t(`presence.${a.presence}`);
}
