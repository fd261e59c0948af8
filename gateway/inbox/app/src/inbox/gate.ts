/** Whether a reply can be sent now, and if not, why and what can be done instead. One answer for the whole composer. */
import type { Conversation } from '../lib/api/types';
import { viewWindow, type WindowView } from '../lib/model/window';
import { desk } from '../lib/state/desk.svelte';
import { session } from '../lib/state/session.svelte';

export type Gate =
  | { open: true; window: WindowView }
  | { open: false; why: 'ended' | 'waiting' | 'other' | 'presence' | 'account' | 'window' | 'opted_out'; window: WindowView };

export function gateOf(c: Conversation, now: number): Gate {
  const window = viewWindow(c.window, now);
  const me = session.me!;
  const account = desk.account(c.account_id);
  if (c.status === 'closed') return { open: false, why: 'ended', window };
  if (c.status === 'waiting') return { open: false, why: 'waiting', window };
  if (c.agent_id !== me.id) return { open: false, why: 'other', window };
  if (me.presence !== 'online') return { open: false, why: 'presence', window };
  if (account && (account.state === 'disabled' || account.state === 'disconnected')) return { open: false, why: 'account', window };
  if (window.phase === 'opted_out') return { open: false, why: 'opted_out', window };
  if (!window.free) return { open: false, why: 'window', window };
  return { open: true, window };
}
