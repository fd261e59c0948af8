// Builds the two parts of the widget into ../dist, which is committed and embedded by Go: the loader as one classic
// script, the frame as a module and a style. Nothing in it depends on time or place; source.sha256 names the sources
// that it was made of, and a Go test compares it with those that are there.
import { createHash } from 'node:crypto';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';

const here = fileURLToPath(new URL('.', import.meta.url));
const dist = join(here, '../dist');
const common = { root: here, configFile: false, logLevel: 'warn', publicDir: false };

await build({
  ...common,
  build: {
    outDir: dist, emptyOutDir: true, target: 'es2022', modulePreload: false, assetsInlineLimit: 0,
    rollupOptions: {
      input: { app: join(here, 'src/frame/main.ts') },
      output: { entryFileNames: 'assets/[name]-[hash].js', assetFileNames: 'assets/[name]-[hash][extname]' },
    },
  },
});
await build({
  ...common,
  build: {
    outDir: dist, emptyOutDir: false, target: 'es2020',
    lib: { entry: join(here, 'src/loader/loader.ts'), formats: ['iife'], name: 'GatehouseLoader', fileName: () => 'widget.js' },
  },
});

const files = ['build.mjs', 'package.json', 'package-lock.json', 'tsconfig.json'];
for (const f of readdirSync(join(here, 'src'), { recursive: true, withFileTypes: true })) {
  if (f.isFile()) files.push(relative(here, join(f.parentPath, f.name)));
}
const hash = createHash('sha256');
for (const name of files.sort()) hash.update(`${name}\n`).update(readFileSync(join(here, name))).update('\n');
writeFileSync(join(dist, 'source.sha256'), hash.digest('hex') + '\n');
