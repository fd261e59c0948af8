/**
 * Keys outside text fields (UI.md §6.10). Letters by what they produce, never with Alt or AltGr: those type characters on
 * many keyboards. All single keys can be switched off.
 */
import type { Key } from '../lib/i18n/i18n.svelte';
import { navigate } from '../lib/router.svelte';
import { conversations } from '../lib/state/conversations.svelte';
import { layout } from '../lib/state/layout.svelte';
import { session } from '../lib/state/session.svelte';
import { toasts } from '../lib/state/toasts.svelte';
import { deedsOf, type Deed } from '../inbox/deeds.svelte';
import { composerActions, focusComposer, listActions, threadActions } from '../inbox/focus.svelte';
import { consolePages } from '../console/pages';
import { openConversation, place } from './place.svelte';

export interface Shortcut {
  keys: string;
  label: Key;
  group: 'move' | 'work' | 'write' | 'go';
}

/** The sheet's content; what it says is what `shortcut` does. */
export const SHORTCUTS: Shortcut[] = [
  { keys: 'Ctrl K', label: 'shortcuts.command', group: 'move' },
  { keys: 'J', label: 'shortcuts.next', group: 'move' },
  { keys: 'K', label: 'shortcuts.previous', group: 'move' },
  { keys: 'Enter', label: 'shortcuts.open', group: 'move' },
  { keys: 'Esc', label: 'shortcuts.leave', group: 'move' },
  { keys: 'F6', label: 'shortcuts.pane', group: 'move' },
  { keys: '/', label: 'shortcuts.search', group: 'move' },
  { keys: '.', label: 'shortcuts.apply', group: 'move' },
  { keys: '?', label: 'shortcuts.title', group: 'move' },
  { keys: 'A', label: 'shortcuts.assign', group: 'work' },
  { keys: 'E', label: 'deed.end', group: 'work' },
  { keys: 'P', label: 'deed.pend', group: 'work' },
  { keys: 'U', label: 'deed.unread', group: 'work' },
  { keys: 'Q', label: 'deed.pull', group: 'work' },
  { keys: 'Z', label: 'action.undo', group: 'work' },
  { keys: 'I', label: 'panel.toggle', group: 'work' },
  { keys: 'R', label: 'message.reply', group: 'write' },
  { keys: 'N', label: 'composer.addNote', group: 'write' },
  { keys: 'Ctrl Enter', label: 'shortcuts.send', group: 'write' },
  { keys: 'Ctrl Shift Enter', label: 'shortcuts.sendEnd', group: 'write' },
  { keys: 'Ctrl Shift F', label: 'composer.attach', group: 'write' },
  { keys: 'G M', label: 'view.mine', group: 'go' },
  { keys: 'G Q', label: 'view.queue', group: 'go' },
  { keys: 'G P', label: 'view.pending', group: 'go' },
  { keys: 'G H', label: 'view.history', group: 'go' },
  { keys: 'G C', label: 'nav.console', group: 'go' },
];

const GO_MS = 1500;
let going = 0;

const inText = (el: Element | null) => !!el?.closest('input, textarea, select, [contenteditable]');
const inLayer = (el: Element | null) => !!el?.closest('[role=dialog], [role=menu], [role=alertdialog]');

export function shortcut(event: KeyboardEvent) {
  if (event.defaultPrevented || event.isComposing) return;
  const target = event.target as Element;
  const ctrl = event.ctrlKey || event.metaKey;
  if (ctrl && !event.altKey && !event.shiftKey && event.key.toLowerCase() === 'k') {
    event.preventDefault();
    layout.commandBar = !layout.commandBar;
    return;
  }
  if (layout.commandBar || layout.shortcuts) return; // what is typed on while it opens is meant for it
  if (session.over || event.altKey || event.getModifierState('AltGraph') || ctrl) return;
  if (event.key === 'F6') {
    event.preventDefault();
    pane(event.shiftKey ? -1 : 1);
    return;
  }
  if (inText(target) || inLayer(target) || session.prefs.shortcuts === false) return;
  if (single(event)) event.preventDefault();
}

function deed(...ids: Deed['id'][]): boolean {
  const id = openConversation();
  const c = id ? conversations.get(id) : undefined;
  const found = c && deedsOf(c).find((d) => ids.includes(d.id));
  if (!found) return false;
  if (!found.reason) found.run();
  return true;
}

function single(event: KeyboardEvent): boolean {
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  if (Date.now() - going < GO_MS) {
    going = 0;
    const paths: Record<string, string> = { m: '/inbox/mine', q: '/inbox/queue', p: '/inbox/pending', h: '/inbox/history', c: consolePages()[0]?.path ?? '' };
    if (paths[key]) {
      navigate(paths[key]);
      return true;
    }
  }
  const composer = composerActions.current;
  switch (key) {
    case 'g': going = Date.now(); return true;
    case '?': layout.shortcuts = true; return true;
    case 'z': toasts.undoLatest(); return true;
    case 'q': listActions.pull(); return true;
  }
  if (place.at !== 'inbox') return false;
  switch (key) {
    case 'j': listActions.move(1); return true;
    case 'k': listActions.move(-1); return true;
    case '/': listActions.search(); return true;
    case '.': listActions.apply(); return true;
    case 'i': if (openConversation()) layout.panelOpen = !layout.panel; return true;
    case 'r': {
      const message = threadActions.current?.focused();
      if (message) composer?.replyTo(message);
      else composer?.tab('reply');
      return true;
    }
    case 'n': composer?.tab('note'); return true;
    case 'e': return deed('end');
    case 'p': return deed('pend', 'unpend');
    case 'a': return deed('take', 'assign');
    case 'u': return deed('unread');
    case 'Escape': listActions.focus(); return true;
    case 'Enter':
      if (!openConversation() || (event.target as Element).closest('button, a, summary, [role=option]')) return false;
      void focusComposer();
      return true; // else the box that has the focus by then gets a line break
  }
  return false;
}

/** F6 walks the panes: rail, sidebar, list, thread, composer, panel. */
function pane(by: 1 | -1) {
  const panes = ['nav[aria-label]', '[role=listbox].box', '[role=log]', '#composer textarea', 'aside[aria-label]']
    .map((s) => [...document.querySelectorAll<HTMLElement>(s)])
    .flat()
    .filter((el) => el.offsetParent !== null);
  const here = panes.findIndex((p) => p.contains(document.activeElement));
  const next = panes[(here + by + panes.length) % panes.length];
  const focusable = next?.matches('[tabindex], textarea') ? next : next?.querySelector<HTMLElement>('a, button, input, textarea, [tabindex="0"]');
  focusable?.focus();
}
