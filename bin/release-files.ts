// Writes what deployments without the CDK need: `npm run release-files [-- FOLDER]` fills release/ with the functions'
// zip files and their SHA-256, the JSON Schema of their variable, the policies of their roles and two templates.

import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { zipSync } from 'fflate';
import { destinationTemplate, rolePolicies, sourceTemplate } from '../lib/release-templates.ts';
import { FUNCTION_NAMES, functionDirectory, packageFile } from '../src/package-files.ts';

const RELEASE = process.argv[2] ?? packageFile('release');
/** The earliest time that a zip file can hold, so that the same modules are the same bytes. */
const MODIFIED = '1980-01-01T12:00:00';

function write(name: string, contents: Uint8Array | object): string {
  const bytes =
    contents instanceof Uint8Array ? contents : `${JSON.stringify(contents, undefined, 2)}\n`;
  writeFileSync(join(RELEASE, name), bytes);
  return `${createHash('sha256').update(bytes).digest('hex')}  ${name}\n`;
}

function zipOf(directory: string): Uint8Array {
  const modules = readdirSync(directory).toSorted();
  const files = modules.map((name) => [name, readFileSync(join(directory, name))] as const);
  return zipSync(Object.fromEntries(files), { mtime: MODIFIED });
}

mkdirSync(RELEASE, { recursive: true });
const { definitions } = JSON.parse(readFileSync(packageFile('ferry.schema.json'), 'utf8')) as {
  readonly definitions: Readonly<Record<string, object>>;
};
const sums = [
  ...FUNCTION_NAMES.map((name) => write(`${name}.zip`, zipOf(functionDirectory(name)))),
  write('function-variable.schema.json', { ...definitions['functionVariable'], definitions }),
  write('source.template.json', sourceTemplate()),
  write('destination.template.json', destinationTemplate()),
  write('policies.json', rolePolicies()),
];
writeFileSync(join(RELEASE, 'SHA256SUMS'), sums.join(''));
process.stdout.write(sums.join(''));
