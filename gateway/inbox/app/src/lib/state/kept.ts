/** What this device remembers. Storage may be full or switched off: then it is remembered until the page is closed. */
const memory = new Map<string, string>();

export function keep(key: string, value: unknown) {
  const text = JSON.stringify(value);
  memory.set(key, text);
  try {
    localStorage.setItem(`gatehouse.${key}`, text);
  } catch {
    // kept in memory
  }
}

export function kept<T>(key: string): T | undefined {
  let text = memory.get(key);
  try {
    text = localStorage.getItem(`gatehouse.${key}`) ?? text;
  } catch {
    // memory is all there is
  }
  try {
    return text === undefined ? undefined : (JSON.parse(text) as T);
  } catch {
    return undefined; // unreadable: as if it were not there
  }
}

export function forget(key: string) {
  memory.delete(key);
  try {
    localStorage.removeItem(`gatehouse.${key}`);
  } catch {
    // it was kept in memory only
  }
}

export function keptKeys(prefix: string): string[] {
  const keys = new Set([...memory.keys()]);
  try {
    for (let i = 0; i < localStorage.length; i++) {
      const key = localStorage.key(i)!;
      if (key.startsWith('gatehouse.')) keys.add(key.slice('gatehouse.'.length));
    }
  } catch {
    // only memory is left
  }
  return [...keys].filter((k) => k.startsWith(prefix));
}

/** A bare string that theme.js reads before the app is there. */
export function keepPlain(key: string, value: string) {
  try {
    localStorage.setItem(`gatehouse.${key}`, value);
  } catch {
    // the next page starts with the system's choice
  }
}
