/** Connects the stores to the live stream and says how the connection is. */
import { Live, type LiveState } from '../api/live';
import type { ServerFrame } from '../api/types';
import { contactName } from '../i18n/names';
import { announcer } from './announcer.svelte';
import { clock } from './clock.svelte';
import { conversations } from './conversations.svelte';
import { desk } from './desk.svelte';
import { notifier } from './notifier.svelte';
import { outbox } from './outbox.svelte';
import { session } from './session.svelte';
import { threads } from './threads.svelte';

const STRIP_AFTER_MS = 2_000; // a short break is nobody's business

class LiveStore {
  state = $state<LiveState>('connecting');
  /** Down for so long that the person should know. */
  down = $state(false);
  #timer: ReturnType<typeof setTimeout> | undefined;
  #live = new Live(`${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/api/v1/live`, {
    frame: (frame) => this.#frame(frame),
    state: (state) => this.#moved(state),
  });

  start = () => this.#live.start();
  stop = () => this.#live.stop();
  retryNow = () => this.#live.retryNow();
  viewing = (conversation: string | undefined, typing: boolean) => this.#live.viewing(conversation, typing);

  #moved(state: LiveState) {
    this.state = state;
    if (state === 'open') {
      clearTimeout(this.#timer);
      this.#timer = undefined;
      this.down = false;
      outbox.pump();
    } else this.#timer ??= setTimeout(() => (this.down = true), STRIP_AFTER_MS);
  }

  #frame(frame: ServerFrame) {
    conversations.onFrame(frame);
    threads.onFrame(frame);
    desk.onFrame(frame);
    notifier.onFrame(frame);
    switch (frame.type) {
      case 'welcome':
      case 'pong':
        clock.set(frame.server_time);
        break;
      case 'resync':
        desk.stale();
        void conversations.reload().catch((error) => announcer.say(String(error)));
        threads.reload();
        break;
      case 'counts':
        session.patch({ load: frame.counts.mine }); // what is pending is not counted as held
        break;
      case 'presence':
        if (frame.agent_id === session.me?.id) {
          session.patch({ presence: frame.presence, break_reason: frame.break_reason, presence_since: frame.since });
          if (frame.load !== undefined) session.patch({ load: frame.load, capacity: frame.capacity });
        }
        break;
      case 'conversation':
        for (const e of frame.events) {
          if (e.kind === 'status' && e.message && (e.message.status === 'failed' || e.message.status === 'unknown')) announcer.shout(contactName(frame.conversation.contact));
        }
        break;
      case 'signed_out':
        session.over = true;
        break;
    }
  }
}

export const live = new LiveStore();
