// The end of a copy before the stream: when its event source mapping is enabled, and when it is too late.

import { describe, expect, it } from 'vitest';
import { REQUEST_TIMEOUT_MS } from '../../src/config/names.ts';
import { COPIES_LAND_MS, startStream } from '../../src/backfill/before-stream.ts';
import { PLAIN_PAGE_LIFE_MS } from '../../src/backfill/copy-page.ts';
import { seededRandom } from '../../src/local/seeded-random.ts';
import type { ReadableTable } from '../../src/ports.ts';
import { NOW_MS } from '../fixtures/replication.ts';

const ARN = 'arn:aws:dynamodb:us-east-1:1:table/Orders/stream/2026-01-31T12:00:00.000';
const startedAt = new Date(NOW_MS).toISOString();
const finishedAt = startedAt;

function sceneOf(initialState: string) {
  let state = initialState;
  const changes: string[] = [];
  const stop = new AbortController();
  let nowMs = NOW_MS;
  const table: ReadableTable = {
    get: () => Promise.reject(new Error('nothing is read')),
    scan: () => Promise.reject(new Error('nothing is read')),
    keyOf: (item) => item,
  };
  const context = {
    clock: {
      now: () => nowMs,
      sleep: async (ms: number) => {
        nowMs += ms;
      },
    },
    random: seededRandom(1),
    stop: stop.signal,
    rules: { replication: 'orders' },
    twin: table,
    ledger: table,
    streamArn: ARN,
    mappings: {
      list: async () => [
        { id: 'own', state, lastResult: '', streamArn: ARN },
        { id: 'other', state: 'Disabled', lastResult: '', streamArn: `${ARN}1` },
      ],
      setEnabled: async (id: string, enabled: boolean) => {
        changes.push(`${id} ${enabled} after ${nowMs - NOW_MS} ms`);
        state = enabled ? 'Enabled' : 'Disabled';
      },
    },
  };
  return { context, changes };
}

describe('the stream is started after the copy', () => {
  it('once no page and no request of another process can land any more', async () => {
    const { context, changes } = sceneOf('Disabled');

    await startStream({ startedAt }, context);

    expect(changes).toEqual([`own true after ${COPIES_LAND_MS} ms`]);
    expect(COPIES_LAND_MS).toBeGreaterThan(PLAIN_PAGE_LIFE_MS + REQUEST_TIMEOUT_MS);
  });

  it('with a warning if somebody has started it beside the copy', async () => {
    const { context } = sceneOf('Enabled');

    await expect(startStream({ startedAt }, context)).rejects.toMatchObject({
      code: 'backfill.mapping-enabled',
      hint: 'Run `ferry verify`, then `ferry repair`.',
    });
  });

  it('only once, if an earlier command has done it', async () => {
    const { context, changes } = sceneOf('Enabled');

    const started = await startStream({ startedAt, finishedAt }, context);

    expect(started).toMatchObject([{ id: 'own' }]);
    expect(changes).toEqual([]);
  });

  it('never later than the stream remembers', async () => {
    const { context, changes } = sceneOf('Disabled');
    const early = new Date(NOW_MS - 24 * 3_600_000 + COPIES_LAND_MS).toISOString();

    await expect(startStream({ startedAt: early }, context)).rejects.toMatchObject({
      code: 'backfill.too-late',
    });
    expect(changes).toEqual([]);
  });
});
