// A projection that is changed, as an operator sees it: what the commands refuse, show and do, and what they wait for.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PutItemCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { writesUntilMs } from '../../src/cli/backfill-reproject.ts';
import { parseConfig } from '../../src/config/config.ts';
import { functionVariables } from '../../src/config/function-variable.ts';
import type { ProjectionConfig, ReplicationConfig } from '../../src/config/schema.ts';
import { digestOfModule, digestOfRules } from '../../src/projection/digest.ts';
import { withoutStamp } from '../../src/model/twin-item.ts';
import type { Clock, Item } from '../../src/ports.ts';
import { SETTINGS } from '../fixtures/records.ts';
import {
  contents,
  openTwoRegions,
  putAll,
  runHere,
  type TwoRegions,
} from '../fixtures/two-regions.ts';

const SECRET = 'planted-secret';
const DROPS: ProjectionConfig = { attributes: { drop: ['email'] } };
const KEEPS: ProjectionConfig = {
  keepItems: { attribute: 'country', equals: { S: 'eu' } },
  attributes: { drop: ['email'] },
};
const LONG_AGO = '2026-01-01T00:00:00.000+0000';

const item = (id: string, country: string) => ({
  pk: { S: id },
  country: { S: country },
  email: { S: SECRET },
});

let regions: TwoRegions;
let report: string;
beforeAll(async () => {
  regions = await openTwoRegions(undefined, 'NEW_AND_OLD_IMAGES');
  report = join(regions.directory, 'report.jsonl');
  regions.lambda.changedAt = LONG_AGO;
  await putAll(regions.source, 'Orders', [item('a', 'eu'), item('b', 'eu'), item('c', 'us')]);
});
afterAll(() => regions.close());
afterEach(() => configure(KEEPS));

/** Of the file alone. */
function configure(projection: ProjectionConfig | undefined): ReplicationConfig {
  const file = JSON.parse(readFileSync(regions.config, 'utf8')) as { replications: [object] };
  const { projection: _, ...rest } = file.replications[0] as { projection?: object };
  const replication = { ...rest, ...(projection && { projection }) };
  writeFileSync(regions.config, JSON.stringify({ replications: [replication] }));
  return parseConfig({ replications: [replication] }).replications[0] as ReplicationConfig;
}

function deploy(
  projection: ProjectionConfig | undefined,
  digest = projection && digestOfRules(projection),
): void {
  regions.lambda.variables = functionVariables({
    replication: configure(projection),
    streamArn: regions.streamArn,
    deadLetterQueueUrl: 'http://127.0.0.1:1/queue',
    onFailureBucket: 'failures',
    lookAgainQueueUrl: regions.lambda.settings.lookAgainQueueUrl,
    ...(digest !== undefined && { projectionDigest: digest }),
  });
}

async function twin(): Promise<Record<string, Item>> {
  const found = await contents(regions.destination, 'Orders');
  return Object.fromEntries([...found].map(([id, one]) => [id, withoutStamp(one, SETTINGS)]));
}

async function json(...args: string[]) {
  const { exitCode, out, err } = await regions.ferry(...args, '--json');
  return { exitCode, err, facts: (out === '' ? {} : JSON.parse(out)) as Record<string, unknown> };
}

const verify = (...args: string[]) => json('verify', '--settle', '0', '--report', report, ...args);
const projected = (id: string) => ({ pk: { S: id }, country: { S: 'eu' } });

it('copies by the first projection, and names it', async () => {
  deploy(DROPS);

  const dry = await json('backfill');
  const { exitCode, facts } = await json('backfill', '--apply');

  expect(dry.facts).toMatchObject({
    projection: digestOfRules(DROPS),
    reproject: true,
    sample: { items: 3, toCopy: 3, toRewrite: 0, toRemove: 0, leftOut: 0 },
  });
  expect(exitCode).toBe(0);
  expect(facts).toMatchObject({ projection: digestOfRules(DROPS), reproject: true, copied: 3 });
  expect(JSON.stringify(await twin())).not.toContain(SECRET);
  expect(await verify()).toMatchObject({
    exitCode: 0,
    facts: { equal: true, projection: digestOfRules(DROPS), projectionNotices: [], leftOut: 0 },
  });
  // From now on, a plain backfill is enough.
  expect((await json('backfill', '--apply')).facts).toMatchObject({ reproject: false, present: 3 });
});

it('refuses to write by a projection that is not deployed', async () => {
  configure(KEEPS);
  writeFileSync(
    report,
    `${HEADER}\n{"kind":"extraneous","key":{"pk":{"S":"c"}}}\n{"summary":{}}\n`,
  );

  for (const args of [
    ['backfill', '--apply', '--reproject'],
    ['repair', '--apply', '--report', report, '--settle', '0'],
    ['redrive', '--apply'],
  ]) {
    const { exitCode, err } = await regions.ferry(...args);
    expect({ args, exitCode }).toEqual({ args, exitCode: 1 });
    expect(err).toContain('It would overwrite what this command writes.');
  }
  const dry = await regions.ferry('backfill', '--reproject');
  expect(dry.err).toContain('With --apply, the command would fail before it changes anything');
  expect((await regions.ferry('redrive', '--without-source')).err).not.toContain('projection');
  expect(Object.keys(await twin()).toSorted()).toEqual(['a', 'b', 'c']);
  const { facts } = await verify();
  expect(facts['projectionNotices']).toMatchObject([{ kind: 'not-deployed' }]);
  expect(facts).toMatchObject({ equal: false, extraneous: 1, leftOut: 1 });
});

it('wants --reproject for another projection, and says what it would do', async () => {
  deploy(KEEPS);

  const refused = await regions.ferry('backfill', '--apply');
  const noticed = await verify();
  const dry = await regions.ferry('backfill', '--reproject');

  expect(refused.exitCode).toBe(1);
  expect(refused.err).toContain('use --reproject');
  expect(noticed.facts['projectionNotices']).toEqual([
    {
      kind: 'not-written',
      text: 'The twin was written by another projection. Run `ferry backfill --reproject`.',
    },
  ]);
  expect(dry.exitCode).toBe(0);
  expect(dry.out).toMatch(/left out +about 1, 1 in a sample/);
  expect(dry.out).toMatch(/to remove +about 1, 1 in a sample/);
  expect(dry.out).toMatch(/write capacity +about 4 WCU/);
  expect(dry.out).toContain('removes what the projection leaves out');
  expect(Object.keys(await twin()).toSorted()).toEqual(['a', 'b', 'c']);
});

it('waits until no invocation of before the deployment can write', async () => {
  const deployedAtMs = Date.parse('2026-03-01T00:00:00.000Z');
  regions.lambda.changedAt = '2026-03-01T00:00:00.000+0000';
  let nowMs = deployedAtMs + 1_000;
  const clock: Clock = { now: () => nowMs, sleep: async (ms) => void (nowMs += ms) };
  const args = ['backfill', '--apply', '--reproject', '--json', '--config', regions.config];
  try {
    const stop = new AbortController();
    const stopping = {
      ...clock,
      sleep: async () => stop.abort(new Error('Ctrl-C')),
    };
    const stopped = await runHere(args, stop.signal, stopping);
    expect(stopped).toMatchObject({ exitCode: 3, out: '' });
    expect(stopped.err).toContain('Stopped. Nothing was changed.');
    expect(Object.keys(await twin()).toSorted()).toEqual(['a', 'b', 'c']);

    const { exitCode, out, err } = await runHere(args, undefined, clock);

    expect(exitCode).toBe(0);
    // The timeout of the function, and 15 s.
    expect(nowMs).toBe(deployedAtMs + 76_000);
    expect(err).toContain('Waiting 75 s');
    expect(JSON.parse(out)).toMatchObject({ present: 2, leftOut: 1, removed: 1, reproject: true });
    expect(await twin()).toEqual({ a: projected('a'), b: projected('b') });
    expect((await verify()).facts).toMatchObject({ equal: true, projectionNotices: [] });
  } finally {
    regions.lambda.changedAt = LONG_AGO;
  }
});

it('counts from when Lambda has updated the function, at the latest', () => {
  const deployed = { digest: null, timeoutSeconds: 60, changedAtMs: 1_000 };

  expect(writesUntilMs({ ...deployed, isChanging: false }, 20_000)).toBe(95_000);
  expect(writesUntilMs({ ...deployed, isChanging: false }, 500_000)).toBe(136_000);
  expect(writesUntilMs({ ...deployed, isChanging: true }, 500_000)).toBe(575_000);
});

it('finds differences in what the twin should have, ignores what is dropped, and shows neither', async () => {
  await plant({ pk: { S: 'a' }, country: { S: 'changed' } });
  await plant({ ...projected('b'), email: { S: SECRET } });
  await plant({ pk: { S: 'c' }, email: { S: SECRET } });

  const { facts, exitCode } = await verify('--values');
  const lines = readFileSync(report, 'utf8');

  expect(exitCode).toBe(3);
  expect(facts).toMatchObject({ different: 2, extraneous: 1, missing: 0, leftOut: 1 });
  expect(lines.split('\n')[0]).toContain(`"projection":"${digestOfRules(KEEPS)}"`);
  expect(lines).toMatch(/"attributes":\["country"\],"source":\{[^\n]*"eu"/);
  expect(lines).not.toContain(SECRET);

  const repaired = await json('repair', '--apply', '--report', report, '--settle', '0');

  expect(repaired.exitCode).toBe(0);
  expect(await twin()).toEqual({ a: projected('a'), b: projected('b') });
  // A change of what is dropped is no difference.
  await regions.source.client.send(
    new PutItemCommand({ TableName: 'Orders', Item: { ...item('a', 'eu'), email: { S: 'new' } } }),
  );
  expect((await verify()).facts).toMatchObject({ equal: true });
});

it('says of a single item that it is left out', async () => {
  const { exitCode, out } = await regions.ferry('verify', '--settle', '0', '--key', KEY_OF_C);

  expect(exitCode).toBe(0);
  expect(out).toContain('The projection leaves the item out, and the twin does not have it.');
});

it('makes a whole copy again once the projection is removed', async () => {
  deploy(undefined);

  const refused = await regions.ferry('backfill', '--apply');
  const { exitCode, facts } = await json('backfill', '--apply', '--reproject');

  expect(refused.exitCode).toBe(1);
  expect(exitCode).toBe(0);
  expect(facts).toMatchObject({ projection: null, copied: 1, rewritten: 2 });
  expect((await twin())['c']).toEqual(item('c', 'us'));
  expect((await verify()).facts).toMatchObject({ equal: true, projectionNotices: [] });
  configure(undefined);
  expect((await json('backfill', '--apply')).facts).toMatchObject({ reproject: false });
});

const KEY_OF_C = '{"pk":"c"}';
const HEADER =
  '{"ferry":"differences","replication":"orders","source":"","destination":"","startedAt":""}';

async function plant(one: Item): Promise<void> {
  await regions.destination.client.send(
    new PutItemCommand({ TableName: 'Orders', Item: { ...one } }),
  );
}

it('tells machines why an item is left, without what a module says of it', async () => {
  const text = 'export function project(item) { throw new Error(item.email.S); }';
  const module = join(regions.directory, 'throws.mjs');
  writeFileSync(module, text);
  deploy({ module }, digestOfModule(Buffer.from(text)));

  const copied = await json('backfill', '--reproject', '--apply');
  await verify();
  const repaired = await json('repair', '--settle', '0', '--report', report);

  expect(copied).toMatchObject({ exitCode: 3, facts: { rejected: 3 } });
  expect(repaired).toMatchObject({ exitCode: 3, facts: { left: 3 } });
  for (const { facts } of [copied, repaired]) {
    expect(JSON.stringify(facts)).toContain('"ProjectionFailed"');
    expect(JSON.stringify(facts)).not.toContain(SECRET);
  }
});
