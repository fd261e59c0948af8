import { svelte } from '@sveltejs/vite-plugin-svelte';
import tailwind from '@tailwindcss/vite';
import { defineConfig } from 'vitest/config';

// The build is committed and compared with a fresh one, so nothing in it may depend on time or place.
export default defineConfig({
  plugins: [svelte(), tailwind()],
  resolve: process.env.VITEST ? { conditions: ['browser'] } : undefined,
  build: {
    outDir: '../dist',
    emptyOutDir: true,
    target: 'es2022',
    cssTarget: ['chrome120', 'firefox128', 'safari16.4'], // all know :dir(); for others it would become a list of languages
    assetsInlineLimit: 0, // font-src and img-src allow no data: for our own files
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 700,
  },
  server: {
    host: '127.0.0.1',
    port: 5173,
    proxy: { '/api': { target: process.env.GATEHOUSE_API ?? 'http://127.0.0.1:4180', ws: true } },
  },
  test: { include: ['src/**/*.test.ts'], environment: 'node' },
});
