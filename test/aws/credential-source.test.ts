// Credentials that are kept: when they are found again, when no request waits for that, and what a refusal costs.

import { describe, expect, it } from 'vitest';
import type { Credentials } from '../../src/aws/access.ts';
import {
  findCredentials,
  type FoundCredentials,
  keptCredentials,
} from '../../src/aws/credential-source.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

/** Each search finds keys of the next number; time passes by hand only. */
function kept({ endsInMs = HOUR_MS, ageMsMax = Infinity, change = true } = {}) {
  const state = { nowMs: 1_000_000_000, searches: 0, isDown: false, failures: 0 };
  const find = async (): Promise<FoundCredentials> => {
    state.searches += 1;
    await Promise.resolve();
    if (state.isDown) throw new Error(`not found ${state.searches}`);
    const expiration = endsInMs === Infinity ? undefined : new Date(state.nowMs + endsInMs);
    return { ...keys(change ? state.searches : 1), expiration };
  };
  const onFailure = () => void (state.failures += 1);
  const source = keptCredentials({ find, clock: { now: () => state.nowMs }, ageMsMax, onFailure });
  return { state, source, id: async () => (await source.get()).accessKeyId };
}

function keys(number: number): Credentials {
  return { accessKeyId: `AKID${number}`, secretAccessKey: `secret-${number}` };
}

/** What has been begun and waits for nothing but promises is done then. */
async function settled(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

/** @returns who signs, and how many searches there have been, at each of these times. */
async function timeline(parts: ReturnType<typeof kept>, atMs: readonly number[]) {
  const startMs = parts.state.nowMs;
  const rows: string[] = [];
  for (const ms of atMs) {
    parts.state.nowMs = startMs + ms;
    const id = await parts.id().catch((error: Error) => error.message);
    await settled();
    rows.push(`${id} ${parts.state.searches}`);
  }
  return rows;
}

describe('credentials are found', () => {
  it.each([
    {
      name: 'once, and again in the last five minutes, for which no request waits',
      parts: {},
      atMinutes: [0, 10, 54, 55, 56, 110, 111],
      rows: ['AKID1 1', 'AKID1 1', 'AKID1 1', 'AKID1 2', 'AKID2 2', 'AKID2 3', 'AKID3 3'],
    },
    {
      name: 'again when they have ended, for which requests wait',
      parts: {},
      atMinutes: [0, 60, 120],
      rows: ['AKID1 1', 'AKID2 2', 'AKID3 3'],
    },
    {
      name: 'once where they do not end',
      parts: { endsInMs: Infinity },
      atMinutes: [0, 600, 6_000],
      rows: ['AKID1 1', 'AKID1 1', 'AKID1 1'],
    },
    {
      name: 'again when they are old',
      parts: { endsInMs: Infinity, ageMsMax: 5 * MINUTE_MS },
      atMinutes: [0, 4, 5, 6, 10],
      rows: ['AKID1 1', 'AKID1 1', 'AKID1 2', 'AKID2 2', 'AKID2 3'],
    },
    {
      name: 'again after the clock was set back, since nothing is known of their age',
      parts: { endsInMs: Infinity, ageMsMax: 5 * MINUTE_MS },
      atMinutes: [0, -60, -59, -50],
      rows: ['AKID1 1', 'AKID1 2', 'AKID2 2', 'AKID2 3'],
    },
    {
      name: 'four times a minute at most where what is found ends soon',
      parts: { endsInMs: MINUTE_MS },
      atMinutes: [0, 0.001, 0.24, 0.25, 0.26],
      rows: ['AKID1 1', 'AKID1 1', 'AKID1 1', 'AKID1 2', 'AKID2 2'],
    },
    {
      name: 'as rarely where what is found has ended by this clock, which may be wrong',
      parts: { endsInMs: -HOUR_MS },
      atMinutes: [0, 0.001, 0.24, 0.25],
      rows: ['AKID1 1', 'AKID1 1', 'AKID1 1', 'AKID2 2'],
    },
  ])('$name', async ({ parts, atMinutes, rows }) => {
    const atMs = atMinutes.map((minutes) => minutes * MINUTE_MS);

    expect(await timeline(kept(parts), atMs)).toEqual(rows);
  });

  it('once for a thousand requests at the same time', async () => {
    const { source, state } = kept();

    const all = await Promise.all(Array.from({ length: 1_000 }, async () => source.get()));

    expect(new Set(all).size).toBe(1);
    expect(state.searches).toBe(1);
  });

  it('at once, and as the same object, while they are good', async () => {
    const { source } = kept();
    const found = await source.get();

    expect(source.get()).toBe(found);
  });
});

describe('where no new ones can be found', () => {
  it('those at hand stay in use until their end, and are asked for once a second', async () => {
    const parts = kept();
    expect(await parts.id()).toBe('AKID1');
    parts.state.isDown = true;

    const rows = await timeline(parts, [
      56 * MINUTE_MS,
      56 * MINUTE_MS + 900,
      59 * MINUTE_MS,
      HOUR_MS,
      HOUR_MS + 500,
    ]);

    expect(rows).toEqual(['AKID1 2', 'AKID1 2', 'AKID1 3', 'not found 4 4', 'not found 4 4']);
    expect(parts.state.failures).toBe(3);
  });

  it('a failure counts for a second, and no longer', async () => {
    const parts = kept();
    parts.state.isDown = true;
    expect(await timeline(parts, [0, 999])).toEqual(['not found 1 1', 'not found 1 1']);
    parts.state.isDown = false;

    expect(await timeline(parts, [1])).toEqual(['AKID2 2']);
  });
});

describe('a refusal', () => {
  const forever = { endsInMs: Infinity };

  it('finds others', async () => {
    const { source, state, id } = kept(forever);
    const found = await source.get();

    expect(await source.refused(found)).toBe(true);

    expect(await id()).toBe('AKID2');
    expect(state.searches).toBe(2);
  });

  it('of others than those at hand costs nothing', async () => {
    const { source, state } = kept(forever);
    const found = await source.get();
    await source.refused(found);

    expect(await source.refused(found)).toBe(true);

    expect(state.searches).toBe(2);
  });

  it('says so where the same keys are found, and changes nothing: they may be valid again', async () => {
    const { source, id } = kept({ ...forever, change: false });

    expect(await source.refused(await source.get())).toBe(false);

    expect(await id()).toBe('AKID1');
  });

  it('says that there are no others where none can be found, and keeps those at hand', async () => {
    const { source, state, id } = kept(forever);
    const found = await source.get();
    state.isDown = true;

    expect(await source.refused(found)).toBe(false);

    expect(await id()).toBe('AKID1');
    expect(state.failures).toBe(1);
  });

  it('costs one search in a second, however many there are at once or one after another', async () => {
    const { source, state } = kept({ ...forever, change: false });
    const found = await source.get();
    const refusals = async () =>
      Promise.all(Array.from({ length: 5_000 }, () => source.refused(found)));

    for (const passedMs of [0, 1, 500, 498]) {
      state.nowMs += passedMs;
      expect(new Set(await refusals())).toEqual(new Set([false]));
    }
    expect(state.searches).toBe(2);
    state.nowMs += 1;
    await refusals();

    expect(state.searches).toBe(3);
  });

  it('costs one search where the others are refused, too', async () => {
    const { source, state } = kept(forever);

    expect(await source.refused(await source.get())).toBe(true);
    expect(await source.refused(await source.get())).toBe(false);

    expect(state.searches).toBe(2);
  });

  it.each([MINUTE_MS, -HOUR_MS])(
    'finds others a second after a search, also where what is found ends in %d ms',
    async (endsInMs) => {
      const { source, state } = kept({ endsInMs });
      const found = await source.get();
      state.nowMs += 1_000;

      expect(await source.refused(found)).toBe(true);

      expect(state.searches).toBe(2);
    },
  );

  it('looks at once however young those at hand are, also after a clock was set back', async () => {
    const { source, state } = kept(forever);
    await source.refused(await source.get());
    state.nowMs -= HOUR_MS;

    expect(await source.refused(await source.get())).toBe(true);

    expect(state.searches).toBe(3);
  });

  it.each(['accessKeyId', 'secretAccessKey', 'sessionToken'] as const)(
    'knows others by their %s',
    async (name) => {
      const { source } = kept({ ...forever, change: false });
      const found = await source.get();

      expect(await source.refused({ ...found, [name]: 'another' })).toBe(true);
    },
  );
});

it('come from the environment where it has them', async () => {
  const environment = {
    AWS_ACCESS_KEY_ID: 'AKIDENV',
    AWS_SECRET_ACCESS_KEY: 'secret',
    AWS_SESSION_TOKEN: 'token',
  };

  expect(await findCredentials(environment)).toEqual({
    accessKeyId: 'AKIDENV',
    secretAccessKey: 'secret',
    sessionToken: 'token',
  });
});
