// The built files of the live page. They are self-contained: the browser loads nothing else.

import { readFileSync } from 'node:fs';
import { packageFile } from '../../package-files.ts';

interface Asset {
  readonly type: string;
  readonly body: Uint8Array;
}

/** By path, as a browser asks for them. */
export type Assets = ReadonlyMap<string, Asset>;

const FILES = [
  ['/', 'page.html', 'text/html; charset=utf-8'],
  ['/icon.svg', 'icon.svg', 'image/svg+xml'],
  ['/page.js', 'page.js', 'text/javascript; charset=utf-8'],
  ['/page.css', 'page.css', 'text/css; charset=utf-8'],
] as const;

export function readAssets(): Assets {
  return new Map(
    FILES.map(([path, name, type]) => [
      path,
      { type, body: readFileSync(packageFile(`dist/page/${name}`)) },
    ]),
  );
}
