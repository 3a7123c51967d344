// Positions and the process lease as rows of a real ledger.

import { beforeEach, describe, expect, it } from 'vitest';
import { systemClock, systemRandom } from '../../src/aws/system-clock.ts';
import { positionKey, putPosition } from '../../src/model/run-rows.ts';
import { isUntouched } from '../../src/replicate/first-adoption.ts';
import { type LedgerAccess, ledgerLease, ledgerPositions } from '../../src/run/ledger-rows.ts';
import { useEngine } from '../fixtures/engine.ts';
import { SETTINGS } from '../fixtures/records.ts';

const engine = useEngine();
const SOURCE_ARN = 'arn:aws:dynamodb:us-east-1:0:table/Orders/stream/2026-01-31T12:00:00.000';
const AT_MS = 1_769_860_800_000;

let run = 0;
beforeEach(() => {
  run += 1;
});

const ledger = () => ({ ...SETTINGS, replication: `orders-${run}` });
const place = (sourceArn = SOURCE_ARN) => ({ ...ledger(), sourceArn });
const access = (): LedgerAccess => ({
  reader: engine().twinReader,
  writer: engine().twinWriter,
  clock: systemClock,
  random: systemRandom,
});
const positions = (fence = 1, sourceArn = SOURCE_ARN) =>
  ledgerPositions(place(sourceArn), fence, access());

describe('positions in the ledger', () => {
  it('are read as they were written, more of them than one request can read', async () => {
    const kept = positions();
    const all = new Map(
      Array.from({ length: 230 }, (_, index) => [
        `shardId-${String(index).padStart(20, '0')}`,
        index % 2 === 0
          ? { after: `${index}`.padEnd(56, '7'), closed: false, atMs: AT_MS + index }
          : { after: undefined, closed: index % 3 === 0, atMs: AT_MS },
      ]),
    );
    await Promise.all([...all].map(([shardId, position]) => kept.write(shardId, position)));

    expect(await positions(2).read()).toEqual(all);
  });

  it('are none where nothing was written, and none of another stream with the same shard', async () => {
    expect(await positions().read()).toEqual(new Map());
    await positions().write('shardId-1', { after: '7', closed: false, atMs: AT_MS });

    expect(await positions(1, `${SOURCE_ARN}-other`).read()).toEqual(new Map());
  });

  it('are gone once they are removed, which may be done twice', async () => {
    const kept = positions();
    await kept.write('shardId-1', { after: '7', closed: true, atMs: AT_MS });
    await kept.write('shardId-2', { after: '8', closed: false, atMs: AT_MS });

    await kept.remove('shardId-1');
    await kept.remove('shardId-1');

    expect([...(await positions().read()).keys()]).toEqual(['shardId-2']);
  });

  it('are not written by a process that another has followed', async () => {
    const [first, second] = [positions(1), positions(2)];
    await first.write('shardId-1', { after: '7', closed: false, atMs: AT_MS });
    await second.write('shardId-1', { after: '9', closed: false, atMs: AT_MS });

    const late = first.write('shardId-1', { after: '8', closed: false, atMs: AT_MS });

    await expect(late).rejects.toMatchObject({ code: 'positions.fenced' });
    expect((await second.read()).get('shardId-1')?.after).toBe('9');
  });

  it('of a form that is not known stop the process', async () => {
    await positions().write('shardId-1', { after: '7', closed: false, atMs: AT_MS });
    const newer = putPosition(place(), 'shardId-1', { closed: false, atMs: AT_MS }, 1);
    if (newer.operation !== 'PutItem') throw new Error('it is a put');
    const Item = { ...newer.input.Item, ...positionKey(place(), 'shardId-1'), format: { N: '2' } };
    await engine().twinWriter.write({ ...newer, input: { ...newer.input, Item } });

    await expect(positions().read()).rejects.toMatchObject({ code: 'run.unreadable' });
  });
});

describe('the process lease in the ledger', () => {
  const lease = { holder: 'a', fence: 1, beat: 0, released: false };
  const row = () => ledgerLease(ledger(), access());

  it('is written by compare-and-set on fence and beat', async () => {
    expect(await row().read()).toBeUndefined();
    expect(await row().write(lease, undefined)).toBe(true);
    expect(await row().write({ ...lease, holder: 'b' }, undefined)).toBe(false);
    const beat = { ...lease, beat: 1 };
    expect(await row().write(beat, lease)).toBe(true);
    expect(await row().write({ ...lease, holder: 'b', fence: 2 }, lease)).toBe(false);
    expect(await row().read()).toEqual(beat);
    const released = { ...beat, beat: 2, released: true };
    expect(await row().write(released, beat)).toBe(true);

    expect(await row().read()).toEqual(released);
  });
});

describe('the first adoption', () => {
  it('takes a ledger for untouched that holds no more than rows of its own process', async () => {
    const name = `ferry-untouched-${run}`;
    await engine().createTable(name, [{ name: 'id', type: 'S' }]);
    await engine().createTable(`${name}-twin`, [{ name: 'pk', type: 'S' }]);
    const rules = { ...ledger(), stateTable: name, destinationTable: `${name}-twin` };
    const kept = ledgerPositions({ ...rules, sourceArn: SOURCE_ARN }, 1, access());
    await kept.write('shardId-1', { closed: false, atMs: AT_MS });
    await ledgerLease(rules, access()).write(
      { holder: 'a', fence: 1, beat: 0, released: false },
      undefined,
    );

    expect(await isUntouched(rules, engine().twinReader)).toBe(true);
    const another = { ...rules, replication: 'another' };
    expect(await isUntouched(another, engine().twinReader)).toBe(false);
  });
});
