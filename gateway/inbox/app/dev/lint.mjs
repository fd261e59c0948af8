// The token lint of UI.md §10.3: no colours but tokens, no left or right, no capitals by CSS, no type under 11 px, no inline
// style, no words outside the catalogues, and no catalogue key that nothing uses.
import { readdir, readFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse } from 'svelte/compiler';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const problems = [];

const RULES = [
  [/#[0-9a-f]{3,8}\b(?![\w-]*['"]?\s*\/>?\s*#)/i, 'a colour that is not a token', (file) => /\.(svelte|css)$/.test(file) && !file.endsWith('app.css')],
  [/\b(?:bg|text|border|ring|fill|stroke|from|to|via)-(?:slate|gray|zinc|neutral|stone|red|orange|amber|yellow|lime|green|emerald|teal|cyan|sky|blue|indigo|violet|purple|fuchsia|pink|rose|white|black)\b/, 'a palette class'],
  [/(?:^|[\s"'`{])-?(?:ml|mr|pl|pr|left|right|rounded-[lr]|rounded-[tb][lr]|border-[lr]|scroll-m[lr]|scroll-p[lr])-(?:\d|\[|auto|px|full)/, 'a left or right class'],
  [/\btext-(?:left|right)\b/, 'a left or right class'],
  [/(?:^|[\s;{])(?:margin|padding|border|inset)-(?:left|right)(?:-\w+)?\s*:|(?:^|[;{]\s*)(?:left|right)\s*:\s*[\d-]|text-align:\s*(?:left|right)|float:\s*(?:left|right)/, 'left or right in CSS'],
  [/(?:padding|margin):\s*[^\s;}]+\s+([^\s;}]+)\s+[^\s;}]+\s+(?!\1[\s;}])[^\s;}]+\s*[;}]/, 'sides that differ in a shorthand'],
  [/text-transform|\b(?:uppercase|capitalize|lowercase)\b(?=[\s"'`])/, 'capitals by CSS', (file) => !file.endsWith('.ts')],
  [/font-size:\s*(?:[0-9](?:\.\d+)?px|10(?:\.\d+)?px|0?\.(?:[0-5]\d*|6(?:[0-7]\d*)?|68[0-6]\d*)rem)/, 'type under 11 px'],
];

async function* files(dir) {
  for (const entry of await readdir(dir, { withFileTypes: true })) {
    const path = join(dir, entry.name);
    if (entry.isDirectory()) yield* files(path);
    else if (/\.(svelte|css|ts)$/.test(entry.name) && !entry.name.endsWith('.test.ts')) yield path;
  }
}

const SPOKEN = new Set(['aria-label', 'title', 'placeholder', 'alt', 'label', 'text', 'legend', 'description', 'help']);
const letters = (s) => /\p{L}{2,}/u.test(s.replaceAll('Gatehouse', ''));

function words(node, file, source, quiet = false) {
  if (!node || typeof node !== 'object') return;
  const say = (start, what) => problems.push(`${file}:${source.slice(0, start).split('\n').length}: ${what}`);
  if (node.type === 'RegularElement' || node.type === 'Component') {
    quiet ||= node.attributes.some((a) => a.type === 'Attribute' && a.name === 'translate');
    for (const a of node.attributes) {
      if (a.type !== 'Attribute' || a.value === true) continue;
      const parts = Array.isArray(a.value) ? a.value : [a.value];
      const text = parts.filter((p) => p.type === 'Text').map((p) => p.data).join('');
      if (a.name === 'style') say(a.start, 'an inline style');
      if (SPOKEN.has(a.name) && letters(text)) say(a.start, `words outside the catalogue: ${text}`);
    }
  }
  if (node.type === 'Text' && !quiet && letters(node.data)) say(node.start, `words outside the catalogue: ${node.data.trim()}`);
  for (const [key, value] of Object.entries(node)) {
    if (key === 'attributes' || key === 'instance' || key === 'module' || key === 'css' || key === 'expression') continue;
    if (Array.isArray(value)) for (const child of value) words(child, file, source, quiet);
    else if (value && typeof value === 'object' && 'type' in value) words(value, file, source, quiet);
  }
}

let all = '';
for await (const path of files(join(root, 'src'))) {
  const file = relative(root, path);
  const source = await readFile(path, 'utf8');
  all += source;
  source.split('\n').forEach((line, i) => {
    for (const [rule, what, where] of RULES) if ((!where || where(file)) && rule.test(line)) problems.push(`${file}:${i + 1}: ${what}: ${line.trim().slice(0, 100)}`);
  });
  if (file.endsWith('.svelte')) words(parse(source, { modern: true, filename: file }).fragment, file, source);
}

const keys = [];
for (const file of ['messages/en.json', 'messages/ops/en.json']) keys.push(...Object.keys(JSON.parse(await readFile(join(root, file), 'utf8'))));
const made = [...all.matchAll(/`([\w.]+\.)\$\{/g)].map((m) => m[1]);
for (const key of keys) {
  if (key.startsWith('error.') || all.includes(`'${key}'`) || all.includes(`"${key}"`) || made.some((m) => key.startsWith(m))) continue;
  problems.push(`messages: nothing uses ${key}`);
}

console.log(problems.length ? problems.join('\n') : 'clean');
process.exitCode = problems.length ? 1 : 0;
