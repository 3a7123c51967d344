// docs/projections.md: its settings are accepted, its module is the sample's, its commands exist, and its links lead
// somewhere.

import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { COMMANDS } from '../src/cli/commands.ts';
import { parseConfig } from '../src/config/config.ts';
import { checkModuleText } from '../src/projection/module-text.ts';

const text = readFileSync('docs/projections.md', 'utf8');
const blocks = (language: string) =>
  [...text.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, 'gms'))].map(
    (match) => match[1] ?? '',
  );
const shell = blocks('sh')
  .flatMap((block) => block.replaceAll('\\\n', '').trim().split('\n'))
  .map((line) => line.replaceAll(/ +/g, ' '));
const ferryCommands = [...new Set(shell.filter((line) => line.startsWith('ferry ')))];
const inTable = (pattern: RegExp) => [...text.matchAll(pattern)].map((match) => match[1] ?? '');

function replicationWith(settings: object) {
  const table = { table: 'Orders', create: true, partitionKey: { name: 'id', type: 'S' } };
  const replication = {
    name: 'orders',
    source: { region: 'us-east-1', ...table },
    destination: { region: 'eu-west-1', ...table },
    ...settings,
  };
  return parseConfig({ replications: [replication] }).replications[0];
}

describe('docs/projections.md', () => {
  it('has settings that are accepted', () => {
    const settings = blocks('json').map((block) => JSON.parse(block) as object);

    expect(settings.length).toBeGreaterThan(3);
    for (const one of settings) expect(replicationWith(one)).toMatchObject(one);
  });

  it('has conditions that are accepted', () => {
    const conditions = inTable(/^\| `(\{ "attribute": .*? \})` \|/gm).map(
      (condition) => JSON.parse(condition) as object,
    );

    expect(conditions).toHaveLength(5);
    for (const keepItems of conditions)
      expect(replicationWith({ projection: { keepItems } })).toMatchObject({
        projection: { keepItems },
      });
  });

  it('names the attributes of the rules in the order in which they are applied', () => {
    const rules = inTable(/^\| `(keepOnly|drop|hash|rename|set)` \|/gm);

    expect(rules).toEqual(['keepOnly', 'drop', 'hash', 'rename', 'set']);
    expect(readFileSync('ferry.schema.json', 'utf8')).toContain(rules.join(', '));
  });

  it('shows the module of the sample', () => {
    const sample = readFileSync('examples/projection/orders.mjs', 'utf8');

    expect(sample.endsWith(blocks('js')[0] ?? '-')).toBe(true);
  });

  it('makes one module of TypeScript', () => {
    const command = shell.find((line) => line.startsWith('npx esbuild ')) ?? '';
    const folder = mkdtempSync(join(tmpdir(), 'ferry-compiled-'));
    const [from, to] = [join(folder, 'orders.ts'), join(folder, 'orders.mjs')];
    writeFileSync(join(folder, 'shared.ts'), 'export const kept: boolean = true;\n');
    writeFileSync(
      from,
      "import { kept } from './shared.ts';\nexport const project = (item: object) => (kept ? item : undefined);\n",
    );
    const [, , ...options] = command
      .replace('projections/orders.ts', from)
      .replace('projections/orders.mjs', to)
      .split(' ');

    execFileSync('node_modules/.bin/esbuild', options, { stdio: 'pipe' });

    expect(() => checkModuleText(readFileSync(to), to)).not.toThrow();
    rmSync(folder, { recursive: true });
  });

  it.each(ferryCommands)('%s: has these options', async (line) => {
    const [, name = '', ...options] = line.split(' ');
    const full = name === 'projection' ? `${name} ${options[0]}` : name;
    const command = await COMMANDS.find((one) => one.name === full)?.load();

    const given = options.filter((option) => option.startsWith('--'));
    for (const option of given) expect(command?.options).toHaveProperty(option.slice(2));
  });

  it.each(ferryCommands.filter((line) => /^ferry local (?!.*--keep)/.test(line)))(
    '%s: ends with equal tables',
    (line) => {
      const args = [...line.split(' ').slice(1), '--duration', '3', '--rate', '60'];
      const { status, stdout } = spawnSync(process.execPath, ['bin/ferry.cjs', ...args]);

      expect(status).toBe(0);
      expect(String(stdout)).toMatch(/The tables are equal: \d+ items, and \d+ left out\./);
    },
  );

  it('leads to files and headings that exist', () => {
    const links = [...text.matchAll(/\]\(([^)#]*)(?:#([a-z-]+))?\)/g)];
    const isThere = ([, path = '', anchor]: readonly (string | undefined)[]) => {
      const file = path === '' ? 'docs/projections.md' : join('docs', path);
      return existsSync(file) && (anchor === undefined || anchorsIn(file).includes(anchor));
    };

    expect(links.length).toBeGreaterThan(5);
    expect(links.filter((link) => !isThere(link)).map(([link]) => link)).toEqual([]);
  });
});

function anchorsIn(file: string): string[] {
  return [...readFileSync(file, 'utf8').matchAll(/^##+ (.+)$/gm)].map((match) =>
    (match[1] ?? '')
      .toLowerCase()
      .replaceAll(/[^a-z0-9 -]/g, '')
      .replaceAll(' ', '-'),
  );
}
