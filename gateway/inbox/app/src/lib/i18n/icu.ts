/**
 * The part of ICU MessageFormat that the catalogues use: `{name}`, `{n, plural, one {…} other {…}}` with `#`, and `<b>…</b>`
 * for emphasis. Parsed once per sentence.
 */
export type Params = Record<string, string | number>;

type Part = string | { arg: string } | { arg: string; plural: Record<string, Part[]> } | { bold: Part[] };

export interface Segment {
  text: string;
  bold: boolean;
}

export function parse(source: string): Part[] {
  let at = 0;

  function parts(end: string, inPlural: boolean): Part[] {
    const out: Part[] = [];
    let text = '';
    const flush = () => {
      if (text) out.push(text);
      text = '';
    };
    while (at < source.length && !(end && source.startsWith(end, at))) {
      if (source.startsWith('<b>', at)) {
        flush();
        at += 3;
        out.push({ bold: parts('</b>', inPlural) });
        at += 4;
      } else if (source[at] === '{') {
        flush();
        at++;
        out.push(argument());
      } else if (inPlural && source[at] === '#') {
        flush();
        at++;
        out.push({ arg: '#' });
      } else {
        text += source[at++];
      }
    }
    if (end && at >= source.length) throw new Error(`unclosed “${end}” in “${source}”`);
    flush();
    return out;
  }

  function argument(): Part {
    const name = until(/[,}]/);
    if (source[at++] === '}') return { arg: name };
    const type = until(/,/);
    if (type !== 'plural') throw new Error(`unknown format “${type}” in “${source}”`);
    at++;
    const plural: Record<string, Part[]> = {};
    for (;;) {
      const form = until(/[{}]/);
      if (source[at] === '}') break;
      at++;
      plural[form] = parts('}', true);
      at++;
    }
    at++;
    if (!plural.other) throw new Error(`plural without “other” in “${source}”`);
    return { arg: name, plural };
  }

  function until(stop: RegExp): string {
    const start = at;
    while (at < source.length && !stop.test(source[at])) at++;
    if (at >= source.length) throw new Error(`unclosed brace in “${source}”`);
    return source.slice(start, at).trim();
  }

  return parts('', false);
}

const parsed = new Map<string, Part[]>();
const plurals = new Map<string, Intl.PluralRules>();
const numbers = new Map<string, Intl.NumberFormat>();

function cached<V>(map: Map<string, V>, key: string, make: () => V): V {
  let value = map.get(key);
  if (value === undefined) map.set(key, (value = make()));
  return value;
}

export function segments(source: string, params: Params, locale: string): Segment[] {
  const number = cached(numbers, locale, () => new Intl.NumberFormat(locale));
  const rules = cached(plurals, locale, () => new Intl.PluralRules(locale));
  const out: Segment[] = [];

  function write(text: string, bold: boolean) {
    const last = out.at(-1);
    if (last && last.bold === bold) last.text += text;
    else if (text) out.push({ text, bold });
  }
  function walk(list: Part[], bold: boolean, count: number) {
    for (const part of list) {
      if (typeof part === 'string') write(part, bold);
      else if ('bold' in part) walk(part.bold, true, count);
      else if ('plural' in part) {
        const n = Number(params[part.arg]);
        walk(part.plural[`=${n}`] ?? part.plural[rules.select(n)] ?? part.plural.other, bold, n);
      } else {
        const value = part.arg === '#' ? count : params[part.arg];
        write(typeof value === 'number' ? number.format(value) : (value ?? `{${part.arg}}`), bold);
      }
    }
  }
  walk(cached(parsed, source, () => parse(source)), false, 0);
  return out;
}

export function format(source: string, params: Params, locale: string): string {
  return segments(source, params, locale)
    .map((s) => s.text)
    .join('');
}

/** The argument names of a sentence, for the test that compares catalogues. */
export function argumentsOf(source: string): string[] {
  const names = new Set<string>();
  const walk = (list: Part[]): void =>
    list.forEach((part) => {
      if (typeof part === 'string') return;
      if ('bold' in part) return walk(part.bold);
      if (part.arg !== '#') names.add(part.arg);
      if ('plural' in part) Object.values(part.plural).forEach(walk);
    });
  walk(parse(source));
  return [...names].sort();
}
