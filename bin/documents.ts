// Writes what the documents take from the code: `npm run docs`.

import { writeFileSync } from 'node:fs';
import { documents } from '../lib/documents/documents.ts';

for (const { path, is, should } of documents('.')) {
  if (is !== should) writeFileSync(path, should);
  process.stdout.write(`${path}: ${is === should ? 'is current' : 'written'}\n`);
}
