/** What the frame's origin remembers of one account, and the line to the visitor's other tabs. */

export interface Outgoing {
  id: string; // the message's, made here; the same for every attempt
  at: number; // when it was written, for the order of what waits
  text: string;
  file?: { id: string; name: string; type: string };
  page?: { url: string; title: string };
  failed?: string; // why it will not go out by itself
}

export interface Store {
  get(key: string): string;
  set(key: string, value: string): void; // '' forgets
  outbox(): Outgoing[];
  put(o: Outgoing): void;
  drop(id: string): void;
  tell(what: 'changed' | 'sent'): void; // to the other tabs
}

/** Where the browser keeps nothing for us, things last as long as the page. */
export function openStore(account: string, heard: (what: 'changed' | 'sent') => void): Store {
  const own = `gh:${account}:`;
  const held = new Map<string, string>();
  let disk: Storage | undefined;
  try {
    disk = localStorage;
    disk.getItem(own);
  } catch {
    disk = undefined;
  }
  const tabs = 'BroadcastChannel' in self ? new BroadcastChannel(own) : undefined;
  if (tabs) tabs.onmessage = (e) => heard(e.data);

  const store: Store = {
    get: (key) => (disk ? disk.getItem(own + key) : held.get(own + key)) ?? '',
    set(key, value) {
      try {
        if (!value) disk?.removeItem(own + key);
        else disk?.setItem(own + key, value);
      } catch {
        disk = undefined; // full, or taken away while we ran
      }
      if (value) held.set(own + key, value);
      else held.delete(own + key);
    },
    // Each message has a key of its own, so that two tabs cannot overwrite each other's.
    outbox() {
      const keys = disk ? Object.keys(disk) : [...held.keys()];
      return keys
        .filter((k) => k.startsWith(own + 'out:'))
        .map((k) => JSON.parse(store.get(k.slice(own.length))) as Outgoing)
        .sort((a, b) => a.at - b.at);
    },
    put: (o) => store.set(`out:${o.id}`, JSON.stringify(o)),
    drop: (id) => store.set(`out:${id}`, ''),
    tell: (what) => tabs?.postMessage(what),
  };
  return store;
}
