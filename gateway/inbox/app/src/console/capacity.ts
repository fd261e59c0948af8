/** What an agent without another word may be given, and the most; the server's own (a test holds the two together). */
export const DEFAULT_CAPACITY = 15;
export const MAX_CAPACITY = 500;

/** The number that was typed, if an agent's capacity can be that. */
export function readCapacity(typed: string): number | undefined {
  const n = /^\d{1,9}$/.test(typed.trim()) ? Number(typed) : Infinity;
  return n <= MAX_CAPACITY ? n : undefined;
}
