// The rules of the house, as a test: who may import whom, and who may touch the outside world.

import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';

const files = ['src', 'lib', 'bin'].flatMap((folder) =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => join(folder, name)),
);
const sourceOf = (path: string) => readFileSync(path, 'utf8');

interface Import {
  readonly from: string;
  /** A path in this repository, or the name of a package. */
  readonly to: string;
  readonly typeOnly: boolean;
}

const imports: Import[] = files.flatMap((from) =>
  [...sourceOf(from).matchAll(/^(?:import|export)\s+(type\s)?[^'"]*?from\s+'([^']+)'/gms)].map(
    (match) => ({
      from,
      to: match[2]?.startsWith('.')
        ? relative('.', join(dirname(from), match[2]))
        : (match[2] ?? ''),
      typeOnly: match[1] !== undefined,
    }),
  ),
);

/** The room a file is in: "model", "replicate", ... or "src" for the files that all rooms share. */
function roomOf(path: string): string {
  const [top, room, ...rest] = path.split('/');
  if (top !== 'src') return top === 'lib' || top === 'bin' ? top : 'package';
  return rest.length === 0 ? 'src' : (room ?? '');
}

/** What an operator does, and what the rules of the operators' rooms stand on. */
const RULES = ['src', 'model', 'pacing', 'text', 'failures', 'config'];
const COPYING = RULES.concat('replicate', 'resync');
const WORK = COPYING.concat(
  'projection look-again heartbeat redrive backfill verify bulk merge status switchover switching teardown init cost history alarms rehearsal reconcile'.split(
    ' ',
  ),
);

/** What each room may import, itself and types of src/ports.ts apart. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  src: [],
  text: [],
  config: ['src', 'text'],
  model: ['config', 'text'],
  permissions: ['src', 'config'],
  alarms: ['config'],
  rehearsal: ['src', 'text', 'pacing'],
  failures: ['src'],
  projection: ['src', 'config', 'model', 'text'],
  pacing: ['src', 'model'],
  replicate: ['src', 'model', 'pacing', 'config'],
  resync: [...RULES, 'replicate'],
  'look-again': COPYING,
  heartbeat: RULES,
  backfill: [...COPYING, 'switchover'],
  verify: COPYING,
  merge: [...COPYING, 'verify'],
  bulk: [...RULES, 'backfill', 'verify'],
  redrive: [...COPYING, 'bulk', 'merge'],
  cost: ['src', 'config', 'model', 'alarms'],
  status: RULES,
  switchover: [...COPYING, 'status'],
  switching: [...COPYING, 'redrive', 'verify', 'switchover', 'tally'],
  reconcile: [...RULES, 'bulk', 'verify'],
  teardown: RULES,
  tally: ['model'],
  stamp: ['src', 'model', 'pacing'],
  init: RULES,
  history: RULES,
  stream: ['src', 'config', 'text'],
  run: [...RULES, 'stream', 'replicate', 'heartbeat'],
  aws: ['src', 'config', 'model', 'failures', 'text'],
  composition: ['aws', 'stream', 'run', ...WORK],
  handlers: ['composition', 'aws', ...WORK],
  local: ['stream', 'composition', 'aws', 'stamp', ...WORK],
  cli: ['local', 'composition', 'aws', 'permissions', 'run', ...WORK],
  lib: ['src', 'config', 'alarms', 'permissions', 'projection'],
  bin: ['cli', 'lib', 'src', 'config', 'permissions'],
};

it('finds the sources at all', () => {
  expect(files.length).toBeGreaterThan(30);
  expect(imports.length).toBeGreaterThan(80);
});

describe('arrows between rooms point one way', () => {
  const crossing = imports.filter(({ from, to, typeOnly }) => {
    const [here, there] = [roomOf(from), roomOf(to)];
    const portTypes = typeOnly && from === 'src/ports.ts';
    return (
      there !== 'package' && there !== here && !portTypes && !MAY_IMPORT[here]?.includes(there)
    );
  });

  it('as the list above has it', () => {
    // The schema is read by src/config/schema-check.ts.
    expect(crossing.filter(({ to }) => to !== 'ferry.schema.json')).toEqual([]);
  });
});

it('no two files import each other in a circle', () => {
  const next = new Map<string, string[]>();
  for (const { from, to } of imports) next.set(from, (next.get(from) ?? []).concat(to));
  const done = new Set<string>();
  const circles: string[] = [];
  const walk = (file: string, path: readonly string[]): void => {
    if (path.includes(file)) {
      circles.push([...path.slice(path.indexOf(file)), file].join(' > '));
      return;
    }
    if (done.has(file)) return;
    for (const to of next.get(file) ?? []) walk(to, path.concat(file));
    done.add(file);
  };
  for (const file of files) walk(file, []);

  expect(circles).toEqual([]);
});

describe('the model is pure', () => {
  const model = files.filter((path) => roomOf(path) === 'model');

  it('imports nothing that runs, but its own files, names, numbers and a digest', () => {
    const text = ['src/text/decimal.ts', 'src/text/dynamodb-number.ts'];
    const config = ['src/config/names.ts', 'src/config/change-source.ts'];
    const allowed = [...text, ...config, 'node:crypto'];
    const impure = imports.filter(
      ({ from, to, typeOnly }) =>
        model.includes(from) && !typeOnly && roomOf(to) !== 'model' && !allowed.includes(to),
    );

    expect(impure).toEqual([]);
  });

  it.each(model)('%s makes no promise and reads no environment', (path) => {
    expect(sourceOf(path)).not.toMatch(
      /\b(async|await|Promise|process\.|Date\.now|Math\.random|setTimeout)\b/,
    );
  });
});

describe('the outside world is touched at the edges only', () => {
  const inside = files.filter((path) => WORK.concat('stream', 'run').includes(roomOf(path)));

  it.each(inside)('%s has no clock, no chance and no process of its own', (path) => {
    expect(sourceOf(path)).not.toMatch(
      /Date\.now|new Date\(\)|Math\.random|process\.|setTimeout|setInterval/,
    );
  });

  it('SDK clients are created in src/aws and local mode, nowhere else', () => {
    const users = imports.filter(
      ({ to, typeOnly }) => to.startsWith('@aws-sdk/client-') && !typeOnly,
    );

    expect(users.filter(({ from }) => !['aws', 'local'].includes(roomOf(from)))).toEqual([]);
  });
});

it('has no catch-all modules and no file deeper than src/room/part/file', () => {
  expect(files.filter((path) => /(^|\/)(utils?|helpers?|common|misc)\b/.test(path))).toEqual([]);
  expect(files.filter((path) => path.split('/').length > 4)).toEqual([]);
});

it('opens every file with what it is for', () => {
  const silent = files.filter((path) => !/^(#!.*\n)?\/\/ /.test(sourceOf(path)));

  expect(silent).toEqual([]);
});

/** Of the files that describe the settings. */
function isOfSchema(path: string): boolean {
  return /^src\/config\/schema(-(forms|projection|reconcile|resources|switching|tables|two-way))?\.ts$/.test(
    path,
  );
}

it('builds the schema for documents and types only: at run time, ferry.schema.json is read', () => {
  const running = imports.filter(({ typeOnly }) => !typeOnly);
  const users = (file: string) => running.filter(({ to }) => to === file).map(({ from }) => from);

  const schema = users('typebox');
  expect(schema.every(isOfSchema)).toBe(true);
  const builders = schema.flatMap(users).filter((from) => !isOfSchema(from));
  expect(builders.length).toBeGreaterThan(0);
  expect(builders.filter((from) => !from.startsWith('lib/documents/'))).toEqual([]);
});

it('names no partition in an ARN, those of local mode, of documents and of examples apart', () => {
  const deployed = files.filter(
    (path) => roomOf(path) !== 'local' && !path.startsWith('lib/documents/') && !isOfSchema(path),
  );

  expect(deployed.filter((path) => sourceOf(path).includes('arn:aws:'))).toEqual([]);
});
