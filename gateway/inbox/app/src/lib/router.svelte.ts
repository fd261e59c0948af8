/** The address is the state. One file, so that a router of somebody else's can take its place. */
import { afterAll } from './paint';

let path = $state(location.pathname);
let query = $state(location.search);
// Asked for by everything that says where one is: taken apart once.
const parts = $derived(path.split('/').filter(Boolean).map(decodeURIComponent));
const search = $derived(new URLSearchParams(query));

export const route = {
  get path() {
    return path;
  },
  get parts() {
    return parts;
  },
  get query() {
    return search;
  },
  /** The query as it stands in the address, with its question mark. */
  get search() {
    return query;
  },
};

function read() {
  due = undefined;
  path = location.pathname;
  query = location.search;
}

type Guard = (to: string) => boolean;
let guard: Guard | null = null;

/** A page with unsaved changes asks before it is left; the guard answers whether to go now. */
export function guardLeaving(next: Guard): () => void {
  guard = next;
  return () => {
    if (guard === next) guard = null;
  };
}

// To tell the browser takes longer than all else that a key in the list does.
let due: { as: 'pushState' | 'replaceState'; url: string } | undefined;
function tell() {
  if (due) history[due.as]({ inApp: true }, '', due.url);
  due = undefined;
}

/** Goes to an address of ours. With `soon` the browser is told once what is there is on the screen. */
export function navigate(to: string, options: { replace?: boolean; force?: boolean; soon?: boolean } = {}) {
  const url = new URL(to, location.origin + path);
  if (url.pathname + url.search === path + query) return;
  if (!options.force && guard && !guard(to)) return;
  if (due && options.replace) due.url = url.href;
  else {
    tell();
    due = { as: options.replace ? 'replaceState' : 'pushState', url: url.href };
  }
  [path, query] = [url.pathname, url.search];
  if (options.soon) afterAll(tell);
  else tell();
}

/** Back where the person came from, or to `fallback` when this page was opened directly. */
export function goBack(fallback: string) {
  tell();
  if (history.state?.inApp) history.back();
  else navigate(fallback, { replace: true });
}

export function setQuery(changes: Record<string, string | null>) {
  const next = new URLSearchParams(query);
  for (const [key, value] of Object.entries(changes)) {
    if (value) next.set(key, value);
    else next.delete(key);
  }
  const text = next.toString();
  navigate(path + (text ? `?${text}` : ''), { replace: true });
}

/** Plain left clicks on links of ours stay in the page; one to a part of it gives that part the focus. */
export function startRouter(): () => void {
  const click = (event: MouseEvent) => {
    if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const link = (event.target as Element).closest?.('a');
    if (!link || link.target || link.hasAttribute('download') || link.origin !== location.origin) return;
    if (link.pathname.startsWith('/api/') || link.pathname.startsWith('/demo')) return;
    event.preventDefault();
    if (link.hash) document.getElementById(link.hash.slice(1))?.focus();
    else navigate(link.pathname + link.search);
  };
  addEventListener('popstate', read);
  addEventListener('pagehide', tell);
  document.addEventListener('click', click);
  return () => {
    removeEventListener('popstate', read);
    removeEventListener('pagehide', tell);
    document.removeEventListener('click', click);
  };
}
