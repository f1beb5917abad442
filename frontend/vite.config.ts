/// <reference types="vitest/config" />
import { promises as fs } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip, gzipSync } from 'node:zlib';
import react from '@vitejs/plugin-react';
import { defineConfig, type Plugin } from 'vite';

const OUT = path.resolve(import.meta.dirname, '../api/console');
const API = process.env.RAPIDFLOW_API ?? 'http://localhost:5000';

/** `x.js` gets `x.js.br` and `x.js.gz` beside it: the API serves them as they are. */
function precompress(): Plugin {
  const brotli = promisify(brotliCompress);
  const deflate = promisify(gzip);
  return {
    name: 'precompress',
    apply: 'build',
    async closeBundle() {
      const names = await fs.readdir(path.join(OUT, 'assets'));
      const texts = names.filter((name) => /\.(js|css|svg)$/.test(name));
      await Promise.all(
        texts.map(async (name) => {
          const file = path.join(OUT, 'assets', name);
          const raw = await fs.readFile(file);
          const hint = { [constants.BROTLI_PARAM_QUALITY]: 10 };
          await fs.writeFile(`${file}.br`, await brotli(raw, { params: hint }));
          await fs.writeFile(`${file}.gz`, await deflate(raw, { level: 9 }));
        }),
      );
    },
  };
}

/** The build fails where the first page would load more JavaScript than this, compressed. */
const MOST_INITIAL_BYTES = 250_000;

function budget(): Plugin {
  return {
    name: 'budget',
    apply: 'build',
    writeBundle(_options, bundle) {
      const wanted = Object.values(bundle).flatMap((file) =>
        file.type === 'chunk' && file.isEntry ? [file.fileName] : [],
      );
      const initial = new Set<string>();
      for (let name = wanted.pop(); name !== undefined; name = wanted.pop()) {
        const file = bundle[name];
        if (initial.has(name) || file?.type !== 'chunk') continue;
        initial.add(name);
        wanted.push(...file.imports);
      }
      let bytes = 0;
      for (const name of initial) {
        const file = bundle[name];
        if (file?.type === 'chunk') bytes += gzipSync(file.code).length;
      }
      if (bytes > MOST_INITIAL_BYTES) {
        throw new Error(`the first page loads ${bytes} bytes of JavaScript, compressed`);
      }
      this.info(`initial JavaScript: ${Math.round(bytes / 1000)} kB compressed`);
    },
  };
}

export default defineConfig({
  plugins: [react(), precompress(), budget()],
  // The API puts a fresh nonce in its place on every answer.
  html: { cspNonce: '__CSP_NONCE__' },
  build: {
    outDir: OUT,
    emptyOutDir: true,
    target: 'es2022',
    assetsInlineLimit: 0, // a data: script or font would not pass the content security policy
    reportCompressedSize: false,
    chunkSizeWarningLimit: 700,
  },
  server: {
    port: 5173,
    proxy: {
      '/api': { target: API },
      '/health': { target: API },
      '/openapi.json': { target: API },
      '/ws': { target: API, ws: true },
    },
  },
  test: {
    environment: 'jsdom',
    setupFiles: ['src/test/setup.ts'],
    include: ['src/**/*.test.{ts,tsx}'],
    css: false,
    pool: 'threads',
  },
});
