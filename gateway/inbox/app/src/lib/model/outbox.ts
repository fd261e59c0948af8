/**
 * What was pressed but not yet accepted by the server. Kept on this device, sent in the order of pressing with one
 * Idempotency-Key each, so that neither a reload nor a second press can lose or double a message.
 */
import type { ID, Message, SendMessage } from '../api/types';

export interface Unsent {
  key: string; // Idempotency-Key
  agent: ID;
  conversation: ID;
  body: SendMessage;
  /** What the bubble shows of its files. */
  files: { name: string; type: string }[];
  at: string;
  state: 'waiting' | 'asks';
}

/** After this the person is asked, not the network: the moment has passed. */
export const ASK_AFTER_MS = 10 * 60_000;

/** Whether a kept message still may go by itself. */
export function mayGo(unsent: Unsent, now: number, windowOpen: boolean): boolean {
  if (unsent.body.note) return true;
  return now - Date.parse(unsent.at) <= ASK_AFTER_MS && (windowOpen || unsent.body.template !== undefined);
}

/** The oldest of each conversation: only it may be sent now. */
export function heads(outbox: Unsent[]): Unsent[] {
  const seen = new Set<ID>();
  return outbox.filter((u) => !seen.has(u.conversation) && seen.add(u.conversation));
}

/**
 * Hides unsent entries whose message has come over the live stream before the answer of the request: same agent, same
 * content, not older than the press. Each message accounts for one entry only.
 */
export function stillUnsent(outbox: Unsent[], messages: Message[]): Unsent[] {
  const claimed = new Set<ID>();
  return outbox.filter((u) => {
    const match = messages.find(
      (m) =>
        !claimed.has(m.id) &&
        m.agent_id === u.agent &&
        (m.direction === 'note') === !!u.body.note &&
        m.direction !== 'in' &&
        sameContent(m, u.body) &&
        Date.parse(m.created_at) >= Date.parse(u.at) - 2_000,
    );
    if (match) claimed.add(match.id);
    return !match;
  });
}

function sameContent(m: Message, body: SendMessage): boolean {
  if (body.template) return m.template?.id === body.template.id;
  if (body.attachments?.length) return !!m.media?.some((f) => body.attachments!.includes(f.id));
  return m.text === (body.text ?? '');
}
