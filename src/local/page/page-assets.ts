// The files of the live page, bundled in memory: what it needs is in them, so a browser asks nobody else.

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { buildSync } from 'esbuild';

interface Asset {
  readonly type: string;
  readonly body: Uint8Array;
}

/** By path, as a browser asks for them. */
export type Assets = ReadonlyMap<string, Asset>;

const pathOf = (name: string) => fileURLToPath(new URL(`../browser/${name}`, import.meta.url));

export function buildAssets(): Assets {
  const { outputFiles } = buildSync({
    // Without it, the tsconfig.json of the current folder would count.
    absWorkingDir: pathOf(''),
    entryPoints: [pathOf('page.ts'), pathOf('page.css')],
    outdir: '/',
    bundle: true,
    write: false,
    platform: 'browser',
    format: 'esm',
    target: 'es2022',
    minify: true,
    legalComments: 'inline',
    logLevel: 'silent',
  });
  const built = (ending: string) =>
    outputFiles.find(({ path }) => path.endsWith(ending))?.contents ?? new Uint8Array();
  return new Map([
    ['/', { type: 'text/html; charset=utf-8', body: readFileSync(pathOf('page.html')) }],
    ['/icon.svg', { type: 'image/svg+xml', body: readFileSync(pathOf('icon.svg')) }],
    ['/page.js', { type: 'text/javascript; charset=utf-8', body: built('.js') }],
    ['/page.css', { type: 'text/css; charset=utf-8', body: built('.css') }],
  ]);
}
