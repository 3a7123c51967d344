// From one direction to both, home by home, then to stamped writes, and all the way back, under traffic: the steps of
// docs/both-directions.md, with a proof of equality after each. With WAITS=1, adoptions wait as in production: minutes.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import type { Cleanup } from '../../src/local/run/cleanup.ts';
import { Migration } from './two-way-migration.ts';

const SEED = Number(process.env['SEED'] ?? '20260131');
const WAITS = process.env['WAITS'] === '1';

const cleanups: Cleanup[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

const OUTWARD = 'two-way';
const BACK = 'two-way-back';

/** Each operator's proof, and the judge's. */
async function prove(migration: Migration, names: readonly string[]): Promise<void> {
  await migration.drain();
  for (const name of names) {
    const { exitCode, out, err } = await migration.ferry(
      'verify',
      '--replication',
      name,
      '--settle',
      '0',
    );
    expect({ exitCode, out, err }).toMatchObject({ exitCode: 0 });
  }
  expect(await migration.unequal()).toEqual([]);
}

async function adopt(migration: Migration, name: string, ...more: string[]): Promise<void> {
  const { exitCode, out, err } = await migration.ferry(
    'adopt',
    '--replication',
    name,
    '--apply',
    ...more,
  );
  expect({ exitCode, out, err }).toMatchObject({ exitCode: 0 });
}

it(`goes to both directions and back, equal after each step (SEED=${SEED})`, async () => {
  const directory = mkdtempSync(join(tmpdir(), 'ferry-migration-'));
  cleanups.push(() => rmSync(directory, { recursive: true, force: true }));
  const onStory = (line: string) => {
    if (WAITS) console.log(new Date().toISOString(), line);
  };
  const options = { seed: SEED, directory, waits: WAITS, onStory };
  const migration = await Migration.open(options, cleanups);

  // One direction: the source writes everything.
  await migration.write({ source: { keys: ['own', 'other'] } });
  await prove(migration, [OUTWARD]);

  // To homes: their "otherwise" is the source, which writes on.
  await migration.write({ source: { keys: ['own'] } });
  await migration.deployBoth({ mode: 'home', epoch: 1 });
  await prove(migration, [OUTWARD, BACK]);
  const homes = { source: { keys: ['own'] }, destination: { keys: ['other'] } } as const;
  await migration.write(homes);
  await prove(migration, [OUTWARD, BACK]);

  // To stamps: the plug-in first, with the next epoch, in every writer. All of them write on, at home.
  await migration.write(stampedIn(2, homes));
  await migration.deployBoth({ mode: 'stamped', epoch: 2 });
  await Promise.all([adopt(migration, OUTWARD), adopt(migration, BACK)]);
  await prove(migration, [OUTWARD, BACK]);
  // Without --apply: there is nothing to do.
  expect(await migration.ferry('merge', '--replication', OUTWARD)).toMatchObject({ exitCode: 0 });
  const everywhere = {
    source: { keys: ['own', 'other'] },
    destination: { keys: ['own', 'other'] },
  } as const;
  await migration.write(stampedIn(2, everywhere));
  await prove(migration, [OUTWARD, BACK]);

  // Back to homes: no writes away from home, which are still stamped, until both directions are there.
  await migration.write(stampedIn(2, homes));
  await migration.drain();
  await migration.write(stampedIn(2, homes));
  await migration.deployBoth({ mode: 'home', epoch: 3 });
  await Promise.all([adopt(migration, OUTWARD), adopt(migration, BACK)]);
  await migration.write(homes);
  await prove(migration, [OUTWARD, BACK]);

  // Back to one direction: the destination is fenced, and the source writes on.
  await migration.write({ source: { keys: ['own'] } });
  await prove(migration, [OUTWARD, BACK]);
  await migration.deployOneWay();
  await adopt(migration, OUTWARD, '--again');
  await migration.write({ source: { keys: ['own', 'other'] } });
  await prove(migration, [OUTWARD]);
  expect(migration.writes).toBeGreaterThan(200);
});

type Keys = { readonly keys: ReadonlyArray<'own' | 'other'> };

function stampedIn(epoch: number, writers: { readonly source: Keys; readonly destination: Keys }) {
  return {
    source: { ...writers.source, epoch },
    destination: { ...writers.destination, epoch },
  };
}
