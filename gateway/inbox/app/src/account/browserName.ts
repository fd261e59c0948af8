/** What a session's browser calls itself, as people know it: only the names, and '' for what is not told. */
const BROWSERS: [RegExp, string][] = [
  [/Edg(?:e|A|iOS)?\//, 'Edge'], [/OPR\/|Opera/, 'Opera'], [/SamsungBrowser\//, 'Samsung Internet'], [/YaBrowser\//, 'Yandex'],
  [/Firefox\/|FxiOS\//, 'Firefox'], [/Chrome\/|CriOS\//, 'Chrome'], [/Safari\//, 'Safari'],
];
const SYSTEMS: [RegExp, string][] = [
  [/iPhone/, 'iPhone'], [/iPad/, 'iPad'], [/Android/, 'Android'], [/Windows/, 'Windows'], [/Mac OS X/, 'macOS'], [/CrOS/, 'ChromeOS'], [/Linux/, 'Linux'],
];

const first = (names: [RegExp, string][], text: string) => names.find(([mark]) => mark.test(text))?.[1] ?? '';

export function browserName(userAgent: string): { browser: string; system: string; mobile: boolean } {
  return { browser: first(BROWSERS, userAgent), system: first(SYSTEMS, userAgent), mobile: /Mobi|Android|iPhone|iPad/.test(userAgent) };
}
