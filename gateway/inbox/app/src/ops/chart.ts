/** The arithmetic of a small chart: where values lie, which lines of the ground are drawn, which times are written. */

export interface Line {
  key: string;
  label: string;
  tone: 'accent' | 'off' | 'warn' | 'bad' | 'ok';
  values: (number | null)[];
}

/** The round number at or above which all values lie: 1, 2, 5, 10, 20, 50 … times a power of ten. At least `least`. */
export function ceiling(highest: number, least = 1): number {
  const top = Math.max(highest, least);
  const power = 10 ** Math.floor(Math.log10(top));
  for (const step of [1, 2, 5, 10]) if (top <= step * power * 1.000001) return step * power;
  return 10 * power;
}

/** The highest value; of bars, which stand on each other, the highest sum. */
export function highest(lines: Line[], stacked: boolean): number {
  const n = lines[0]?.values.length ?? 0;
  let top = 0;
  for (let i = 0; i < n; i++) {
    const at = lines.map((l) => l.values[i] ?? 0);
    top = Math.max(top, stacked ? at.reduce((a, b) => a + b, 0) : Math.max(...at));
  }
  return top;
}

/** The path of a line; where a value is missing it is broken, and one that stands alone is a dash. */
export function path(values: (number | null)[], x: (i: number) => number, y: (v: number) => number): string {
  let out = '';
  let pen = false;
  values.forEach((v, i) => {
    if (v === null) {
      pen = false;
      return;
    }
    out += `${pen ? 'L' : 'M'}${x(i).toFixed(1)} ${y(v).toFixed(1)}`;
    if (!pen && (values[i + 1] ?? null) === null) out += 'm-3 0h3'; // a dash that can be seen
    pen = true;
  });
  return out;
}

/** What lies between a line and the ground, as far as there are values. */
export function area(values: (number | null)[], x: (i: number) => number, y: (v: number) => number): string {
  let out = '';
  for (let i = 0; i < values.length; i++) {
    if (values[i] === null) continue;
    let end = i;
    while ((values[end + 1] ?? null) !== null) end++;
    out += `M${x(i).toFixed(1)} ${y(0).toFixed(1)}`;
    for (let k = i; k <= end; k++) out += `L${x(k).toFixed(1)} ${y(values[k]!).toFixed(1)}`;
    out += `L${x(end).toFixed(1)} ${y(0).toFixed(1)}Z`;
    i = end;
  }
  return out;
}

/** Which of n times are written below: whole quarters of an hour, or every sixth hour. */
export function marks(from: number, stepMs: number, n: number): number[] {
  const every = stepMs >= 600_000 ? 6 * 3_600_000 : 15 * 60_000;
  // By the clock on the wall: the zone's hours, not the world's.
  const shift = new Date(from).getTimezoneOffset() * 60_000;
  return Array.from({ length: n }, (_, i) => i).filter((i) => (from + i * stepMs - shift) % every === 0);
}
