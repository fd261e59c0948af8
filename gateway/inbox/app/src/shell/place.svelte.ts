/** What the address says: which place, which view, which conversation. */
import { t, type Key } from '../lib/i18n/i18n.svelte';
import { defaultSort, sortsOf, VIEWS, type ListQuery, type Sort, type View } from '../lib/model/list';
import { route } from '../lib/router.svelte';
import { desk } from '../lib/state/desk.svelte';
import { session } from '../lib/state/session.svelte';

export type Place = 'inbox' | 'console' | 'me';

export const place = {
  get at(): Place {
    const first = route.parts[0];
    if (first === 'ops') return 'console'; // among its pages, at an address of its own
    return first === 'console' || first === 'me' ? first : 'inbox';
  },
};

/** /inbox/{view} or /inbox/d/{department}, then the conversation. */
export function listPath(): string {
  const [, view, department] = route.parts;
  if (place.at === 'inbox' && view === 'd' && department) return `/inbox/d/${department}`;
  return `/inbox/${currentView()}`;
}

export function currentView(): View {
  const view = route.parts[1] as View;
  return place.at === 'inbox' && VIEWS.includes(view) ? view : route.parts[1] === 'd' ? 'all' : 'mine';
}

export function currentDepartment(): string | undefined {
  return place.at === 'inbox' && route.parts[1] === 'd' ? route.parts[2] : undefined;
}

export function openConversation(): string | undefined {
  if (place.at !== 'inbox') return undefined;
  return route.parts[1] === 'd' ? route.parts[3] : route.parts[2];
}

export function currentQuery(): ListQuery {
  const view = currentView();
  const q = route.query;
  const wanted = (q.get('sort') ?? session.prefs.sort?.[sortKey()]) as Sort | undefined;
  const sort = wanted && sortsOf(view).includes(wanted) ? wanted : defaultSort(view);
  return {
    view,
    department: currentDepartment() ?? q.get('department') ?? undefined,
    channel: q.get('channel') ?? undefined,
    account: q.get('account') ?? undefined,
    q: q.get('q') ?? undefined,
    sort,
  };
}

export function sortKey(): string {
  return currentDepartment() ?? currentView();
}

export function viewName(): string {
  const department = currentDepartment();
  if (department) return desk.department(department)?.name ?? t('nav.department');
  return t(`view.${currentView()}` as Key);
}

export function conversationPath(id: string): string {
  return `${listPath()}/${id}${route.search}`;
}

