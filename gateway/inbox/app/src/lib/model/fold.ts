/** Text for finding: case and diacritics folded the same way for every language, so that “s” finds “ş” and “i” finds “İ” and “ı”. */
export function fold(text: string): string {
  return text
    .replace(/[Iİı]/g, 'i')
    .toLowerCase()
    .normalize('NFD')
    .replace(/\p{M}/gu, '');
}

const SHORT = 40;

/** How well a query fits: lower is better, undefined not at all. A word's start beats its inside, letters in order come last, and only in something short: in a long text they fit anything. */
export function score(query: string, text: string): number | undefined {
  const q = fold(query.trim());
  const s = fold(text);
  if (!q) return 0;
  if (s.startsWith(q)) return 0;
  const at = s.indexOf(q);
  if (at > 0 && /[\s,.·/-]/.test(s[at - 1])) return 1;
  if (at > 0) return 2;
  if (s.length > SHORT) return undefined;
  let i = 0;
  for (const c of s) if (c === q[i]) i++;
  return i === q.length ? 3 : undefined;
}

/** Whether a text has the query in it: for filtering a list, where a guess would be a surprise. */
export const has = (query: string, text: string) => fold(text).includes(fold(query.trim()));
