// What the live page shows, and whom its server answers.

import { request } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import { resultOf } from '../../src/local/run/run-result.ts';
import type { LocalRunSummary } from '../../src/local/run/run-summary.ts';
import { type PageServer, startPageServer } from '../../src/local/page/page-server.ts';
import {
  EMPTY_STATE,
  type Present,
  type Snapshot,
  viewOf,
  withSnapshot,
} from '../../src/local/page/page-state.ts';
import { redriveResultOf } from '../../src/local/page/run-controls.ts';
import type { Counts } from '../../src/local/page/page-vitals.ts';
import { newReport } from '../../src/redrive/report.ts';

const NO_FAULTS = { throttle: false, outage: false, poison: false };
const NOTHING: Counts = {
  AppliedRecords: 0,
  CoalescedRecords: 0,
  SupersededRecords: 0,
  SkippedRecords: 0,
  RetriedRecords: 0,
  HeldRecords: 0,
  DeadLetteredRecords: 0,
  DestinationThrottles: 0,
  DestinationUnreachable: 0,
  DestinationDenied: 0,
};

function snapshot(
  second: number,
  { sums, ...given }: Partial<Omit<Snapshot, 'sums'>> & { readonly sums?: Partial<Counts> } = {},
): Snapshot {
  return {
    atMs: second * 1_000,
    writes: 0,
    sums: { ...NOTHING, ...sums },
    pending: 0,
    oldestUnappliedMs: 0,
    latencyMs: undefined,
    ...given,
  };
}

const NOW: Present = {
  nowMs: 0,
  phase: 'writing',
  route: 'a → b',
  readerState: 'Enabled',
  controls: { open: true, faults: NO_FAULTS, redriving: false, redriveResult: '' },
};
const OUTAGE = { ...NOW.controls, faults: { ...NO_FAULTS, outage: true } };

function verdictAt(second: number, snapshots: readonly Snapshot[], more: Partial<Present> = {}) {
  const state = snapshots.reduce(withSnapshot, EMPTY_STATE);
  return viewOf(state, { ...NOW, nowMs: second * 1_000, ...more }).verdict;
}

/** One snapshot a second from `from` on, each with `perSecond` more records applied. */
function applying(from: number, to: number, p99 = 40, before = 0): Snapshot[] {
  return Array.from({ length: to - from + 1 }, (_, index) =>
    snapshot(from + index, {
      sums: { AppliedRecords: before + 50 * index },
      latencyMs: { p50: p99 / 2, p99 },
    }),
  );
}

/** The words are those of `ferry status`, whose tests hold them. */
const HEALTHY = /^Healthy: .*40 ms\.$/;

describe('the verdict', () => {
  const RUNNING = applying(0, 10);
  const EQUAL = { text: 'The tables are equal: 1,000 items.', clean: true };
  const DIFFERENT = { text: 'The tables differ in 2 items.', clean: false };
  const cases: ReadonlyArray<readonly [Partial<Present>, string, string | RegExp]> = [
    [{ phase: 'starting' }, 'busy', 'Starting two Regions, and the function between them.'],
    [{}, 'good', HEALTHY],
    [{ waitingLetters: 1 }, 'bad', /^Behind by 1 dead letter;/],
    [{ waitingLetters: 1_200 }, 'bad', /^Behind by 1,200 dead letters;/],
    [{ readerState: 'Disabled' }, 'bad', /^Stuck: .*disabled/],
    [{ phase: 'settling' }, 'busy', 'Finishing: the last changes are being replicated.'],
    [{ phase: 'settling', waitingLetters: 1 }, 'bad', /^Behind by 1 dead letter;/],
    [{ phase: 'comparing' }, 'busy', 'Comparing the tables, item by item.'],
    [{ phase: 'replicating', result: DIFFERENT }, 'good', HEALTHY],
    [{ phase: 'ended', result: EQUAL, waitingLetters: 2 }, 'good', EQUAL.text],
    [{ phase: 'ended', result: DIFFERENT }, 'bad', DIFFERENT.text],
    [{ phase: 'ended' }, 'bad', 'The run ended before its tables were compared.'],
  ];

  it.each(cases)('of %j is %s: %s', (present, tone, text) => {
    const verdict = verdictAt(10, RUNNING, present);

    expect(verdict.tone).toBe(tone);
    expect(verdict.text).toMatch(text);
  });

  it('keeps its kind while only figures change, so that it is read out once', () => {
    const kinds = [40, 180, 900].map((p99) => verdictAt(10, applying(0, 10, p99)).kind);

    expect(new Set(kinds)).toEqual(new Set(['healthy ']));
  });

  it('names an outage at once, before the function has met it', () => {
    const waits = [11, 12, 13].map((second) =>
      snapshot(second, { sums: { AppliedRecords: 500 }, pending: 20 }),
    );

    expect(verdictAt(13, [...RUNNING, ...waits], { controls: OUTAGE })).toMatchObject({
      tone: 'bad',
      text: expect.stringMatching(
        /^Stuck: the destination cannot be reached; .* 2\.0 s\.$/,
      ) as string,
    });
  });

  it.each([
    ['DestinationUnreachable', /^Stuck: the destination cannot be reached; .* 9\.0 s\.$/],
    ['DestinationDenied', /^Stuck: the destination denies .* 9\.0 s\.$/],
    ['DestinationThrottles', /^(Stuck|Behind).* 9\.0 s.* throttle/],
  ] as const)('names what the function has met: %s', (name, text) => {
    const failed = snapshot(5, {
      sums: { RetriedRecords: 20, [name]: 12 },
      pending: 40,
      oldestUnappliedMs: 8_000,
    });

    expect(verdictAt(6, [snapshot(4, { pending: 20 }), failed])).toMatchObject({
      tone: 'bad',
      text: expect.stringMatching(text) as string,
    });
  });
});

describe('the state of the page', () => {
  it('turns sums into records per second, also when a second was late', () => {
    const state = [
      snapshot(0),
      snapshot(1, { sums: { AppliedRecords: 80, RetriedRecords: 3 } }),
      snapshot(3, { sums: { AppliedRecords: 280, RetriedRecords: 3, DeadLetteredRecords: 1 } }),
    ].reduce(withSnapshot, EMPTY_STATE);

    expect(state.points.map(({ rates }) => rates.applied)).toEqual([0, 80, 100]);
    expect(state.points.map(({ rates }) => rates.retried)).toEqual([0, 3, 0]);
    expect(state.points.at(-1)?.rates.deadLettered).toBe(1);
  });

  it('keeps two minutes and no more', () => {
    const state = Array.from({ length: 500 }, (_, second) => snapshot(second)).reduce(
      withSnapshot,
      EMPTY_STATE,
    );

    expect(state.points).toHaveLength(120);
    expect(state.points.at(-1)?.atMs).toBe(499_000);
  });

  it('remembers that records were applied before those two minutes', () => {
    const quiet = Array.from({ length: 200 }, (_, index) =>
      snapshot(11 + index, { sums: { AppliedRecords: 500 } }),
    );

    expect(verdictAt(210, [...applying(0, 10), ...quiet]).text).toMatch(HEALTHY);
  });

  it('lets the oldest change grow older while the function says nothing', () => {
    const stuck = [4, 5, 6].map((second) => snapshot(second, { pending: 10 }));

    expect(verdictAt(9, stuck).text).toMatch(/^Stuck: .* 5\.0 s\.$/);
  });

  it('does not count the time before there was anything to do', () => {
    const idle = Array.from({ length: 30 }, (_, second) => snapshot(second));

    expect(verdictAt(30, [...idle, snapshot(30, { pending: 1 })]).tone).toBe('good');
  });

  it('does not take a batch in which nothing was applied for the end of a jam', () => {
    const failed = snapshot(5, {
      sums: { RetriedRecords: 20 },
      pending: 90,
      oldestUnappliedMs: 8_000,
    });
    const set = { RetriedRecords: 20, DeadLetteredRecords: 20 };

    expect(
      verdictAt(6, [snapshot(4), failed, snapshot(6, { sums: set, pending: 70 })]).text,
    ).toMatch(/^(Stuck|Behind).* 9\.0 s/);
  });

  it('says that it catches up once changes arrive again, and is well soon after', () => {
    const waits = Array.from({ length: 12 }, (_, index) =>
      snapshot(11 + index, { sums: { AppliedRecords: 500 }, pending: 90 }),
    );
    const catches = [8_000, 4_000].map((oldestUnappliedMs, index) =>
      snapshot(23 + index, {
        sums: { AppliedRecords: 550 + 50 * index },
        pending: 40,
        oldestUnappliedMs,
        latencyMs: { p50: 8_000, p99: 9_000 },
      }),
    );
    const jam = [...applying(0, 10), ...waits, ...catches];
    const after = applying(25, 32, 40, 700);

    expect(verdictAt(22, jam.slice(0, -2))).toMatchObject({
      tone: 'bad',
      text: expect.stringMatching(/^Stuck: .* 11 s/) as string,
    });
    expect(verdictAt(27, [...jam, ...after.slice(0, 3)])).toMatchObject({
      tone: 'busy',
      text: expect.stringMatching(/^Behind by .*caught up\.$|^Behind by .*catching up, /) as string,
    });
    expect(verdictAt(32, [...jam, ...after])).toMatchObject({
      tone: 'good',
      text: expect.stringMatching(HEALTHY) as string,
    });
  });

  it('forgets a reason that is long over', () => {
    const troubled = snapshot(1, { sums: { DestinationDenied: 1 } });
    const later = [30, 31].map((second) => snapshot(second, { pending: 1, sums: troubled.sums }));

    const { text } = verdictAt(33, [snapshot(0), troubled, ...later]);

    expect(text).toMatch(/ 3\.0 s/);
    expect(text).not.toMatch(/den/);
  });
});

describe('the sentence about a redrive', () => {
  it.each([
    [{}, 'Nothing was waiting for a redrive.'],
    [
      { found: 3, applied: 2, superseded: 1 },
      'Redriven: 2 applied, 1 superseded by something newer, 0 left.',
    ],
    [
      { found: 2, left: 2, failures: { ValidationException: 2 } },
      'Redriven: 0 applied, 0 superseded by something newer, 2 left (ValidationException).',
    ],
    [{ remaining: 7 }, 'Redriven: 0 applied, 0 superseded by something newer, 7 left.'],
  ])('for %j', (report, text) => {
    expect(redriveResultOf({ ...newReport(), ...report })).toBe(text);
  });
});

describe('the end of a run', () => {
  const DONE: LocalRunSummary = {
    writes: 100,
    records: 100,
    applied: 90,
    superseded: 0,
    coalesced: 5,
    skipped: 0,
    deadLettered: 5,
    givenUp: 0,
    retried: 0,
    items: 60,
    leftOut: 0,
    differences: 0,
    unconfirmed: 0,
    latencyMs: { p50: 1, p90: 1, p99: 1, max: 1 },
    recordsPerSecond: 10,
    askedWritesPerSecond: 10,
    writesPerSecond: 10,
    durationSeconds: 10,
    engine: 'test',
    seed: 1,
  };
  const redriven = (left: number) => ({
    redriven: { applied: 1, superseded: 1, coalesced: 0, resynchronized: 0, left },
  });
  const cases: ReadonlyArray<readonly [Partial<LocalRunSummary>, boolean, string]> = [
    [{}, true, 'The tables are equal: 60 items.'],
    [{ items: 1 }, true, 'The tables are equal: 1 item.'],
    [{ items: 2, leftOut: 1_500 }, true, 'The tables are equal: 2 items, and 1,500 left out.'],
    [redriven(1), false, 'The tables are equal, but 1 record was not redriven.'],
    [redriven(0), true, 'The tables are equal: 60 items.'],
    [redriven(3), false, 'The tables are equal, but 3 records were not redriven.'],
    [{ differences: 2 }, false, 'The tables differ in 2 items.'],
    [
      { differences: 2, ...redriven(3) },
      false,
      'The tables differ in 2 items. 3 records wait for a redrive.',
    ],
    [{ givenUp: 5, deadLettered: 0 }, false, 'The tables are equal, but 5 records were given up.'],
    [
      { unconfirmed: 3 },
      false,
      '3 items kept changing or cannot be read, so the comparison is undecided.',
    ],
    [{ applied: 89 }, false, 'Without a counted outcome: 1 record.'],
  ];

  it.each(cases)('with %j is clean: %s', (given, clean, text) => {
    expect(resultOf({ ...DONE, ...given })).toEqual({ clean, text });
  });
});

describe('the server of the page', () => {
  let server: PageServer | undefined;
  let pressed: string[] = [];
  let isOpen = true;
  afterEach(async () => {
    await server?.stop();
    pressed = [];
    isOpen = true;
  });

  async function start(port?: number): Promise<PageServer> {
    server = await startPageServer({
      port,
      view: () => viewOf(EMPTY_STATE, NOW),
      setFault: (name, on) => isOpen && pressed.push(`${name} ${on ? 'on' : 'off'}`) > 0,
      redrive: () => isOpen && pressed.push('redrive') > 0,
    });
    return server;
  }

  interface Asked {
    readonly method?: string;
    readonly path?: string;
    readonly headers?: Record<string, string>;
  }

  /** Not fetch, which decides about Host and Origin itself. @returns the status. */
  function ask({ url }: PageServer, { method = 'GET', path = '/', headers }: Asked) {
    return new Promise<{ status: number | undefined; headers: NodeJS.Dict<string | string[]> }>(
      (resolve, reject) => {
        const sent = request(`${url}${path}`, { method, headers, agent: false }, (response) => {
          response.destroy();
          resolve({ status: response.statusCode, headers: response.headers });
        });
        sent.on('error', reject).end();
      },
    );
  }

  const portOf = ({ url }: PageServer) => new URL(url).port;

  it('lets no script in but its own, no frame around it, and no type be guessed', async () => {
    const { status, headers } = await ask(await start(), {});

    expect(status).toBe(200);
    expect(headers['content-security-policy']).toContain("default-src 'self';");
    expect(headers['content-security-policy']).not.toContain('unsafe');
    expect(headers).toMatchObject({
      'content-type': 'text/html; charset=utf-8',
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
    });
  });

  it.each(['/page.js', '/page.css', '/icon.svg', '/events'])('serves %s', async (path) => {
    expect(await ask(await start(), { path })).toMatchObject({ status: 200 });
  });

  it.each(['/', '/page.js', '/events'])('tells nothing of %s to another host', async (path) => {
    const page = await start();

    for (const host of ['evil.example', `evil.example:${portOf(page)}`, '127.0.0.1', 'localhost:1'])
      expect(await ask(page, { path, headers: { host } })).toMatchObject({ status: 403 });
  });

  it('does what its own buttons say, under both of its names', async () => {
    const page = await start();
    const host = `localhost:${portOf(page)}`;
    const paths = ['/faults/outage/on', '/faults/outage/off', '/faults/poison/on', '/redrive'];
    for (const path of paths)
      expect(await ask(page, { method: 'POST', path })).toMatchObject({ status: 204 });
    const own = { host, origin: `http://${host}` };
    const path = '/faults/throttle/on';

    expect(await ask(page, { method: 'POST', path, headers: own })).toMatchObject({ status: 204 });
    expect(pressed).toEqual(['outage on', 'outage off', 'poison on', 'redrive', 'throttle on']);
  });

  it.each(['http://evil.example', 'null', 'http://127.0.0.1:1', 'https://localhost'])(
    'lets no page of %s press a button',
    async (origin) => {
      const asked = { method: 'POST', path: '/redrive', headers: { origin } };

      expect(await ask(await start(), asked)).toMatchObject({ status: 403 });
      expect(pressed).toEqual([]);
    },
  );

  it.each([
    ['POST', '/faults/crash/on', 404],
    ['POST', '/faults/outage/maybe', 404],
    ['POST', '/', 404],
    ['GET', '/faults/outage/on', 404],
    ['GET', '/../package.json', 404],
    ['PUT', '/', 405],
  ])('answers %s %s with %i', async (method, path, status) => {
    expect(await ask(await start(), { method, path })).toMatchObject({ status });
    expect(pressed).toEqual([]);
  });

  it('says so when the buttons do nothing now', async () => {
    isOpen = false;
    const page = await start();

    for (const path of ['/redrive', '/faults/outage/on'])
      expect(await ask(page, { method: 'POST', path })).toMatchObject({ status: 409 });
  });

  it('refuses a port that is taken, and says what to do', async () => {
    const { url } = await start();

    await expect(start(Number(new URL(url).port))).rejects.toMatchObject({
      code: 'local.port.in-use',
      hint: expect.stringContaining('--port'),
    });
  });

  it('sends the last view to a page that is open, and ends', async () => {
    const page = await start();
    const response = await fetch(`${page.url}/events`);
    await expect.poll(() => page.watchers()).toBe(1);
    page.push();
    await page.stop();

    expect((await response.text()).match(/^data: \{"verdict".*\}$/gm)).toHaveLength(2);
  });
});
