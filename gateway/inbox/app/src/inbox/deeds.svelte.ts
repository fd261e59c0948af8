/**
 * What can be done with a conversation. One table feeds the header, the row's menu, the command bar and the keys, so that
 * they agree on what is possible now and why not. What a role may never do is absent.
 */
import { api, asRefusal } from '../lib/api/client';
import type { Conversation, EndReason, ID } from '../lib/api/types';
import { t, type Key } from '../lib/i18n/i18n.svelte';
import { sentence } from '../lib/i18n/errors';
import { navigate } from '../lib/router.svelte';
import { conversations } from '../lib/state/conversations.svelte';
import { desk } from '../lib/state/desk.svelte';
import { layout } from '../lib/state/layout.svelte';
import { session } from '../lib/state/session.svelte';
import { threads } from '../lib/state/threads.svelte';
import { toasts } from '../lib/state/toasts.svelte';
import type { IconName } from '../lib/ui/icons';
import { conversationPath, currentQuery, listPath, openConversation } from '../shell/place.svelte';

export interface Deed {
  id: 'take' | 'takeOver' | 'reopen' | 'end' | 'pend' | 'unpend' | 'assign' | 'return' | 'unread' | 'panel';
  label: Key;
  icon: IconName;
  keys?: string;
  /** Words that also find it in the command bar, in both languages. */
  words: string;
  reason?: string;
  run: () => void;
}

/** The dialogs that a deed may open; Deeds.svelte shows them. */
export const dialogs = $state<{ end: ID | null; assign: ID | null }>({ end: null, assign: null });

function refused(error: unknown, next?: { label: Key; run: () => void }) {
  const refusal = asRefusal(error);
  toasts.show(`error.${refusal.code}` as 'error.internal', { tone: 'bad', params: refusal.details as Record<string, string>, action: next });
}

async function post(c: Conversation, verb: string, body?: unknown): Promise<Conversation | undefined> {
  conversations.ownDeed(c.id);
  try {
    const next = await api<Conversation>('POST', `/conversations/${c.id}/${verb}`, body);
    conversations.put(next);
    return next;
  } catch (error) {
    const code = asRefusal(error).code;
    refused(error, code === 'already_taken' ? { label: 'action.nextInQueue', run: () => void pull() } : undefined);
    return undefined;
  }
}

export function open(id: ID) {
  navigate(conversationPath(id));
}

/** After an end or a pend the next older row opens, unless the person likes to stay. */
function moveOn(from: ID) {
  if (openConversation() !== from || session.prefs.after_end === 'stay') return;
  const { shown } = conversations.list(currentQuery()).state;
  const at = shown.indexOf(from);
  const next = shown[at + 1] ?? shown[at - 1];
  navigate(next && !layout.phone ? conversationPath(next) : listPath());
}

export async function pull() {
  try {
    const c = await api<Conversation>('POST', '/conversations/pull');
    conversations.ownDeed(c.id);
    conversations.put(c);
    navigate(`/inbox/mine/${c.id}`);
  } catch (error) {
    refused(error);
  }
}

export async function goOnline() {
  try {
    await session.setPresence('online');
  } catch (error) {
    refused(error);
  }
}

async function take(c: Conversation) {
  if (await post(c, 'take')) {
    toasts.show('done.taken', { undo: () => void post(c, 'return') });
    navigate(`/inbox/mine/${c.id}`);
  }
}

async function takeOver(c: Conversation) {
  const before = c.agent_id;
  if (await post(c, 'assign', { agent_id: session.me!.id })) {
    toasts.show('done.taken', { undo: before ? () => void post(c, 'assign', { agent_id: before }) : undefined });
  }
}

export async function assign(c: Conversation, agent: ID) {
  const before = c.agent_id;
  if (await post(c, 'assign', { agent_id: agent })) {
    toasts.show('done.assigned', { params: { agent: desk.agentName(agent) }, undo: before ? () => void post(c, 'assign', { agent_id: before }) : undefined });
    moveOn(c.id);
  }
}

async function reopen(c: Conversation) {
  if (await post(c, 'reopen')) toasts.show('done.reopened');
}

export async function end(c: Conversation, reason: EndReason, note: string) {
  if (await post(c, 'end', { reason_id: reason.id, note: note.trim() || undefined })) {
    toasts.show('done.ended', { undo: () => void post(c, 'reopen').then((again) => again && open(c.id)) });
    moveOn(c.id);
  }
}

async function pend(c: Conversation) {
  if (await post(c, 'pend')) {
    toasts.show('done.pended', { undo: () => void post(c, 'unpend') });
    moveOn(c.id);
  }
}

async function unpend(c: Conversation) {
  if (await post(c, 'unpend')) toasts.show('done.unpended', { undo: () => void post(c, 'pend') });
}

async function giveBack(c: Conversation) {
  if (await post(c, 'return')) {
    toasts.show('done.returned', { undo: () => void post(c, 'take') });
    moveOn(c.id);
  }
}

export async function markUnread(c: Conversation, from?: number) {
  const thread = threads.open(c.id);
  const seq = from ?? thread.state.messages.findLast((m) => m.direction === 'in')?.seq ?? c.last_seq;
  try {
    await thread.markUnread(Math.max(0, seq - 1));
    toasts.show('done.unread');
  } catch (error) {
    refused(error);
  }
}

export function deedsOf(c: Conversation): Deed[] {
  const me = session.me!;
  const holds = c.agent_id === me.id && (c.status === 'assigned' || c.status === 'pending');
  const others = !holds && (c.status === 'assigned' || c.status === 'pending');
  const offline = me.presence === 'online' ? undefined : sentence('not_online');
  const notMine = holds ? undefined : sentence(c.status === 'closed' ? 'conversation_ended' : 'not_controller', { agent_id: c.agent_id });
  const deeds: Deed[] = [];
  const add = (deed: Deed) => deeds.push(deed);

  if (c.status === 'waiting') add({ id: 'take', label: 'deed.take', icon: 'person', keys: 'A', words: 'take al üstlen', reason: offline, run: () => void take(c) });
  if (others && session.can('assign')) add({ id: 'takeOver', label: 'deed.takeOver', icon: 'person', words: 'take over al devral', reason: offline, run: () => void takeOver(c) });
  if (c.status === 'closed') add({ id: 'reopen', label: 'deed.reopen', icon: 'refresh', words: 'take up again reopen yeniden aç', reason: offline, run: () => void reopen(c) });
  else {
    add({ id: 'end', label: 'deed.end', icon: 'check', keys: 'E', words: 'end close finish sonlandır bitir kapat', reason: notMine, run: () => (dialogs.end = c.id) });
    if (c.status === 'pending') add({ id: 'unpend', label: 'deed.unpend', icon: 'pause', keys: 'P', words: 'unpend beklemeden çıkar', reason: notMine, run: () => void unpend(c) });
    else add({ id: 'pend', label: 'deed.pend', icon: 'pause', keys: 'P', words: 'pend wait beklet beklemeye al', reason: notMine, run: () => void pend(c) });
    if (session.can('assign')) add({ id: 'assign', label: 'deed.assign', icon: 'swap', keys: c.status === 'waiting' ? undefined : 'A', words: 'assign give ata', run: () => (dialogs.assign = c.id) });
    if (holds) add({ id: 'return', label: 'deed.return', icon: 'queue', words: 'return queue sıraya geri', run: () => void giveBack(c) });
  }
  if (holds) add({ id: 'unread', label: 'deed.unread', icon: 'eye', keys: 'U', words: 'unread okunmadı', run: () => void markUnread(c) });
  return deeds;
}

/** Words for who has it, for a row that is leaving and for a closed gate. */
export function holderWords(c: Conversation): string {
  if (c.status === 'closed') return t('row.ended');
  if (c.status === 'waiting') return t('row.waiting');
  return c.agent_id === session.me?.id ? t('row.yours') : t('row.takenBy', { agent: desk.agentName(c.agent_id) });
}
