/** Where keys and commands reach into panes without knowing them: each pane registers what it can do. */
import { tick } from 'svelte';
import type { ID } from '../lib/api/types';
import { openConversation } from '../shell/place.svelte';
import { pull } from './deeds.svelte';

interface ListPaneActions {
  move(by: 1 | -1): void;
  apply(): void;
  focus(): void;
  search(): void;
}

interface ComposerActions {
  /** Whose conversation's it is: for a frame after navigation it is still the one before. */
  of: ID;
  focus(): void;
  tab(tab: 'reply' | 'note'): void;
  replyTo(id: ID): void;
  attach(): void;
  insert(text: string): void;
  canned(): void;
  drop(files: File[]): void;
  /** Undefined when nothing can be attached now. */
  target: string | undefined;
}

interface ThreadActions {
  focus(): void;
  focused(): ID | undefined;
}

function slot<T>() {
  let now: T | undefined;
  return {
    register(actions: T): () => void {
      now = actions;
      return () => {
        if (now === actions) now = undefined;
      };
    },
    get current() {
      return now;
    },
  };
}

const list = slot<ListPaneActions>();
export const listActions = {
  register: list.register,
  move: (by: 1 | -1) => list.current?.move(by),
  apply: () => list.current?.apply(),
  focus: () => list.current?.focus(),
  search: () => list.current?.search(),
  pull: () => void pull(),
};
const composer = slot<ComposerActions>();
export const composerActions = {
  register(actions: ComposerActions): () => void {
    const release = composer.register(actions);
    if (Date.now() < wanted && actions.of === openConversation()) {
      wanted = 0;
      actions.focus();
    }
    return release;
  },
  get current() {
    return composer.current;
  },
};
export const threadActions = slot<ThreadActions>();

const WANTED_MS = 3000;
let wanted = 0;

/** After navigation the composer may not be there yet: then it takes the focus when it comes. */
export async function focusComposer() {
  await tick();
  if (composer.current && composer.current.of === openConversation()) composer.current.focus();
  else wanted = Date.now() + WANTED_MS;
}
