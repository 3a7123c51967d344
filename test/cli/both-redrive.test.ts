// `ferry redrive` of a direction where both tables are written, against two real engines: what is put back, what is not
// replicated, and what both sides of an item have afterwards.

import { PutItemCommand } from '@aws-sdk/client-dynamodb';
import { afterEach, describe, expect, it } from 'vitest';
import { canonicalKey } from '../../src/model/attribute-value.ts';
import { clockVersion, originOf } from '../../src/model/clock-version.ts';
import { versionOf } from '../../src/model/guard.ts';
import { ledgerRowKey } from '../../src/model/ledger-row.ts';
import type { Item } from '../../src/ports.ts';
import { parkLetter } from '../fixtures/parked-letters.ts';
import {
  A,
  B,
  inBoth,
  openSwitchedRegions,
  type Side,
  type SwitchedRegions,
} from '../fixtures/switched-regions.ts';

let regions: SwitchedRegions;
afterEach(() => regions.close());

const NOW_SECONDS = Math.floor(Date.now() / 1000);
let numbers = 1_000;

interface Change {
  readonly eventName: 'INSERT' | 'MODIFY' | 'REMOVE';
  readonly before?: Item;
  readonly after?: Item;
}

/** Puts a letter of the direction from A to B into its queue. */
async function park(pk: string, { eventName, before, after }: Change) {
  numbers += 1;
  const Keys = { pk: { S: pk } };
  const record = {
    eventID: String(numbers),
    eventName,
    eventSource: 'aws:dynamodb',
    awsRegion: A,
    eventSourceARN: regions.a.streamArn,
    dynamodb: {
      ApproximateCreationDateTime: NOW_SECONDS,
      Keys,
      ...(after && { NewImage: { ...Keys, ...after } }),
      ...(before && { OldImage: { ...Keys, ...before } }),
      SequenceNumber: String(numbers),
      StreamViewType: 'NEW_AND_OLD_IMAGES',
    },
  };
  await parkLetter(regions.failures, { replication: 'orders', record });
}

const put = ({ engine }: Side, TableName: string, item: Item) =>
  engine.client.send(new PutItemCommand({ TableName, Item: { ...item } }));
const itemAt = ({ engine }: Side, pk: string) => engine.get('Orders', { pk: { S: pk } });
const rowAt = ({ engine, inbound }: Side, pk: string) => {
  const key = ledgerRowKey({ replication: inbound.name }, canonicalKey({ pk: { S: pk } }));
  return engine.get(inbound.stateTable, key);
};
const remember = (side: Side, pk: string, version: string) => {
  const { name: replication, stateTable } = side.inbound;
  const key = ledgerRowKey({ replication }, canonicalKey({ pk: { S: pk } }));
  return put(side, stateTable, { ...key, d: { S: version } });
};
const stamp = (version: string, more: Item = {}): Item => ({
  _ferry: { M: { v: { S: version }, ...more } },
});
const kindsKept = async () => {
  const kinds: unknown[] = [];
  for await (const page of regions.failures.bucket.list('losers/'))
    for (const { key } of page) {
      const body = await regions.failures.bucket.get(key);
      kinds.push((JSON.parse(String(body)) as { kind: unknown }).kind);
    }
  return kinds;
};
async function redrive(...args: string[]) {
  const { exitCode, out, err } = await regions.ferry(
    'redrive',
    ...regions.places,
    '--replication',
    'orders',
    '--json',
    ...args,
  );
  const facts = (out === '' ? {} : JSON.parse(out)) as Record<string, unknown>;
  return { exitCode, err, facts };
}

describe('where each item has a home', () => {
  const ofFerry = (number: string) =>
    stamp(versionOf({ epoch: 1, labelMs: 9 }, number), { o: { S: B } });
  /** One made at home, one stray, and two of Ferry's: the second has come after its delete. */
  const parkAll = async () => {
    const home = { rules: [{ attribute: 'pk', prefix: 'eu#', region: B }], otherwise: A };
    const twoWay = { mode: 'home', home, losers: 'keep' };
    regions = await openSwitchedRegions(undefined, inBoth(twoWay));
    await regions.write();
    await park('us#1', { eventName: 'INSERT', after: { text: { S: 'of A' } } });
    await park('eu#1', { eventName: 'INSERT', after: { text: { S: 'stray' } } });
    await park('eu#2', { eventName: 'MODIFY', before: ofFerry('1'), after: ofFerry('2') });
    await park('eu#3', { eventName: 'INSERT', after: ofFerry('3') });
    await put(regions.a, 'Orders', { pk: { S: 'eu#3' }, ...ofFerry('3') });
    await remember(regions.a, 'eu#3', versionOf({ epoch: 1, labelMs: 9 }, '4'));
  };

  it('a redrive puts back what was made at home, and looks at what Ferry has inserted', async () => {
    await parkAll();

    const planned = await redrive();
    const before = await itemAt(regions.a, 'eu#3');
    const done = await redrive('--apply');

    expect(planned.facts).toMatchObject({ would: { applied: 1, own: 2, stray: 1 }, left: 4 });
    expect(before).toBeDefined();
    expect(done.facts).toMatchObject({ applied: 1, own: 2, stray: 1 });
    expect(done.exitCode).toBe(0);
    expect((await itemAt(regions.b, 'us#1'))?.['text']?.S).toBe('of A');
    expect(await itemAt(regions.a, 'eu#3')).toBeUndefined();
    expect(await itemAt(regions.b, 'eu#1')).toBeUndefined();
    expect(await regions.failures.queue.size()).toBe(0);
  });

  it('a redrive without the source looks at nothing there, and keeps strays', async () => {
    await parkAll();

    const done = await redrive('--apply', '--without-source');

    expect(done.facts).toMatchObject({ applied: 1, own: 2, stray: 1 });
    expect(done.exitCode).toBe(0);
    expect(await itemAt(regions.a, 'eu#3')).toBeDefined();
    expect(await kindsKept()).toEqual(['stray']);
  });
});

describe('with stamped writes', () => {
  const MS = (NOW_SECONDS - 60) * 1000;
  const version = (origin: 1 | 2, laterMs = 0) =>
    clockVersion({ epoch: 1, ms: MS + laterMs, counter: 0, origin, unique: '9' });
  const open = async () => {
    regions = await openSwitchedRegions(undefined, inBoth({ mode: 'stamped' }));
    await regions.write();
  };

  it('a redrive applies puts and deletes, and makes both sides equal', async () => {
    await open();
    const { a, b } = regions;
    const one = { text: { S: 'one' }, ...stamp(version(1)) };
    await put(a, 'Orders', { pk: { S: 'one' }, ...one });
    await park('one', { eventName: 'INSERT', after: one });
    const two = stamp(version(1));
    await put(b, 'Orders', { pk: { S: 'two' }, ...stamp(version(1), { o: { S: A } }) });
    await park('two', { eventName: 'REMOVE', before: two });
    // Nothing but the key can be read of it, and the other side has written since.
    await put(a, 'Orders', { pk: { S: 'three' }, ...stamp(version(1)) });
    const newer = stamp(version(2, 5));
    await put(b, 'Orders', { pk: { S: 'three' }, text: { S: 'newer' }, ...newer });
    await park('three', { eventName: 'MODIFY', before: one });

    const planned = await redrive();
    const done = await redrive('--apply');

    expect(planned.facts).toMatchObject({ would: { applied: 2, resynchronized: 1 } });
    expect(done.facts).toMatchObject({ applied: 2, resynchronized: 1 });
    expect(done.exitCode).toBe(0);
    expect((await itemAt(b, 'one'))?.['text']?.S).toBe('one');
    expect(await itemAt(b, 'two')).toBeUndefined();
    const deleted = (await rowAt(b, 'two'))?.['d']?.S ?? '';
    expect([originOf(deleted), (await rowAt(a, 'two'))?.['d']?.S]).toEqual([1, deleted]);
    expect((await itemAt(a, 'three'))?.['text']?.S).toBe('newer');
    expect(await regions.failures.queue.size()).toBe(0);
  });

  it('a delete is not done to what was written again since', async () => {
    await open();
    const { a, b } = regions;
    const again = { pk: { S: 'one' }, text: { S: 'again' }, ...stamp(version(1, 120_000)) };
    await put(a, 'Orders', again);
    await put(b, 'Orders', again);
    await park('one', { eventName: 'REMOVE', before: stamp(version(1)) });

    const done = await redrive('--apply');

    expect(done.facts).toMatchObject({ failing: 0 });
    expect(done.exitCode).toBe(0);
    expect((await itemAt(a, 'one'))?.['text']?.S).toBe('again');
    expect((await itemAt(b, 'one'))?.['text']?.S).toBe('again');
  });

  it('a letter stays where no version tells which side is newer', async () => {
    await open();
    await put(regions.a, 'Orders', { pk: { S: 'one' }, text: { S: 'of A' } });
    await put(regions.b, 'Orders', { pk: { S: 'one' }, text: { S: 'of B' } });
    await park('one', { eventName: 'INSERT', after: { text: { S: 'of A' } } });

    const { exitCode, facts } = await redrive('--apply');

    expect(exitCode).toBe(3);
    expect(Object.keys(facts['failures'] as object)).toEqual([
      'undecided: `ferry merge` with --prefer decides which side wins',
    ]);
    expect(await regions.failures.queue.size()).toBe(1);
  });

  it('a redrive needs the source', async () => {
    await open();

    const { exitCode, err } = await redrive('--without-source');

    expect(exitCode).toBe(2);
    expect(err).toContain('makes both sides of an item equal');
  });
});
