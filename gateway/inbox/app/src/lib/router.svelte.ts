/** The address is the state. One file, so that a router of somebody else's can take its place. */

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
};

function read() {
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

export function navigate(to: string, options: { replace?: boolean; force?: boolean } = {}) {
  const url = new URL(to, location.href);
  if (url.pathname + url.search === location.pathname + location.search) return;
  if (!options.force && guard && !guard(to)) return;
  history[options.replace ? 'replaceState' : 'pushState']({ inApp: true }, '', url);
  read();
}

/** Back where the person came from, or to `fallback` when this page was opened directly. */
export function goBack(fallback: string) {
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

/** Plain left clicks on links of ours stay in the page. */
export function startRouter(): () => void {
  const click = (event: MouseEvent) => {
    if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const link = (event.target as Element).closest?.('a');
    if (!link || link.target || link.hasAttribute('download') || link.origin !== location.origin) return;
    if (link.pathname.startsWith('/api/') || link.pathname.startsWith('/demo')) return;
    event.preventDefault();
    navigate(link.pathname + link.search);
  };
  addEventListener('popstate', read);
  document.addEventListener('click', click);
  return () => {
    removeEventListener('popstate', read);
    document.removeEventListener('click', click);
  };
}
