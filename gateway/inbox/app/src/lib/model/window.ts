/** What the bar above the composer says (UI.md §6.7). The server's phase decides; between its words the clock counts down. */
import type { Window } from '../api/types';

export type WindowTone = 'none' | 'neutral' | 'warn' | 'closed';

export interface WindowView {
  phase: Window['phase'];
  /** Until when, if the bar counts down. */
  left?: number;
  tone: WindowTone;
  /** Free text may be sent now. */
  free: boolean;
  /** The last ten minutes are announced, the last minute counts seconds. */
  last: boolean;
}

const CLOSING_MS = 2 * 3_600_000;
const LAST_MS = 10 * 60_000;
const DAY_MS = 24 * 3_600_000;

export function viewWindow(w: Window, now: number): WindowView {
  const shuts = w.shuts_at ? Date.parse(w.shuts_at) : 0;
  const human = w.human_until ? Date.parse(w.human_until) : 0;
  const freeEntry = w.free_entry_until ? Date.parse(w.free_entry_until) : 0;
  switch (w.phase) {
    case 'none':
      return { phase: 'none', tone: 'none', free: true, last: false };
    case 'opted_out':
      return { phase: 'opted_out', tone: 'closed', free: false, last: false };
    case 'closed':
      return { phase: 'closed', tone: 'closed', free: false, last: false };
    case 'human':
      return human > now
        ? { phase: 'human', left: human - now, tone: 'neutral', free: true, last: false }
        : { phase: 'closed', tone: 'closed', free: false, last: false };
    default: {
      const left = shuts - now;
      if (left <= 0) {
        return human > now
          ? { phase: 'human', left: human - now, tone: 'neutral', free: true, last: false }
          : { phase: 'closed', tone: 'closed', free: false, last: false };
      }
      if (left <= CLOSING_MS) return { phase: 'closing', left, tone: 'warn', free: true, last: left <= LAST_MS };
      if (freeEntry > now) return { phase: 'free_entry', left: freeEntry - now, tone: 'neutral', free: true, last: false };
      return { phase: 'open', left, tone: 'neutral', free: true, last: false };
    }
  }
}

/** How full the meter is: the part of a day that is left. */
export function windowPart(left: number): number {
  return Math.max(0, Math.min(1, left / DAY_MS));
}
