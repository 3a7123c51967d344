// What the live page shows, and whom its server answers.

import { request } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import { endingOf } from '../../src/local/run/run-result.ts';
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
import { type Findings, verdictOn } from '../../src/local/page/verdict.ts';
import { newReport } from '../../src/redrive/report.ts';

const NO_FAULTS = { throttle: false, outage: false, poison: false };

const IN_STEP: Findings = {
  phase: 'writing',
  ending: undefined,
  waitedMs: 0,
  latencyMs: 40,
  earlierMs: 40,
  pending: 0,
  trouble: undefined,
  faults: NO_FAULTS,
  waitingLetters: 0,
};

describe('the verdict', () => {
  const EQUAL = { text: 'The tables are equal: 1,000 items.', clean: true };
  const DIFFERENT = { text: 'The tables differ in 2 items.', clean: false };
  const cases: ReadonlyArray<readonly [Partial<Findings>, string, string]> = [
    [{ phase: 'starting' }, 'busy', 'Starting two Regions, and the function between them.'],
    [{}, 'good', 'Healthy: the twin is 40 ms behind.'],
    [{ latencyMs: undefined }, 'good', 'Healthy: no change is waiting.'],
    [{ waitedMs: 1_999 }, 'good', 'Healthy: the twin is 40 ms behind.'],
    [{ waitedMs: 2_000 }, 'bad', 'Behind: the oldest change has waited 2 s.'],
    [
      { waitedMs: 6_000, faults: { ...NO_FAULTS, outage: true } },
      'bad',
      'Behind: the oldest change has waited 6 s; the destination is unreachable.',
    ],
    [
      { waitedMs: 12_400, trouble: 'unreachable' },
      'bad',
      'Behind: the oldest change has waited 12 s; the destination could not be reached last time.',
    ],
    [
      { waitedMs: 200_000, trouble: 'denied' },
      'bad',
      'Behind: the oldest change has waited 3 min; the destination refuses the credentials.',
    ],
    [
      { waitedMs: 3_000, faults: { ...NO_FAULTS, throttle: true } },
      'bad',
      'Behind: the oldest change has waited 3 s; the destination throttles.',
    ],
    [
      { trouble: 'throttled', faults: { ...NO_FAULTS, throttle: true } },
      'good',
      'Healthy: the twin is 40 ms behind, although the destination throttles.',
    ],
    [
      { latencyMs: 4_100, earlierMs: 9_000, pending: 8, waitingLetters: 3 },
      'busy',
      'Catching up: changes arrive 4.1 s after they were written.',
    ],
    [
      { latencyMs: 4_100, earlierMs: 4_000, pending: 8 },
      'busy',
      'Late: changes arrive 4.1 s after they were written.',
    ],
    [{ latencyMs: 4_100, earlierMs: 9_000 }, 'good', 'Healthy: no change is waiting.'],
    [{ latencyMs: 1_400 }, 'good', 'Healthy: the twin is 1.4 s behind.'],
    [{ waitingLetters: 1 }, 'bad', 'In step, but 1 dead letter waits for a redrive.'],
    [{ waitingLetters: 1_200 }, 'bad', 'In step, but 1,200 dead letters wait for a redrive.'],
    [{ phase: 'settling' }, 'busy', 'Finishing: the last changes are on their way.'],
    [{ phase: 'settling', waitedMs: 5_000 }, 'bad', 'Behind: the oldest change has waited 5 s.'],
    [{ phase: 'comparing', waitedMs: 5_000 }, 'busy', 'Comparing the tables, item by item.'],
    [{ phase: 'replicating', ending: DIFFERENT }, 'good', 'Healthy: the twin is 40 ms behind.'],
    [{ phase: 'ended', ending: EQUAL, waitingLetters: 2 }, 'good', EQUAL.text],
    [{ phase: 'ended', ending: DIFFERENT }, 'bad', DIFFERENT.text],
    [{ phase: 'ended' }, 'bad', 'The run has ended before its tables were compared.'],
  ];

  it.each(cases)('of %j is %s: %s', (findings, tone, text) => {
    expect(verdictOn({ ...IN_STEP, ...findings })).toMatchObject({ tone, text });
  });

  it('keeps its kind while only figures change, so that it is read out once', () => {
    const kinds = [40, 180, 900].map((latencyMs) => verdictOn({ ...IN_STEP, latencyMs }).kind);

    expect(new Set(kinds)).toEqual(new Set(['healthy']));
  });
});

const NO_TROUBLES = { unreachable: 0, throttled: 0, denied: 0 };
const NOTHING = { writes: 0, applied: 0, coalesced: 0, superseded: 0, retried: 0, deadLettered: 0 };

function snapshot(second: number, given: Partial<Snapshot> = {}): Snapshot {
  return {
    atMs: second * 1_000,
    totals: NOTHING,
    pending: 0,
    oldestUnappliedMs: 0,
    troubles: NO_TROUBLES,
    latencyMs: undefined,
    ...given,
  };
}

const NOW: Present = {
  nowMs: 0,
  phase: 'writing',
  route: 'a → b',
  controls: { open: true, faults: NO_FAULTS, redriving: false, redriveResult: '' },
};

function textAt(second: number, snapshots: readonly Snapshot[]): string {
  const state = snapshots.reduce(withSnapshot, EMPTY_STATE);
  return viewOf(state, { ...NOW, nowMs: second * 1_000 }).verdict.text;
}

describe('the state of the page', () => {
  it('turns sums into records per second, also when a second was late', () => {
    const state = [
      snapshot(0),
      snapshot(1, { totals: { ...NOTHING, applied: 80, retried: 3 } }),
      snapshot(3, { totals: { ...NOTHING, applied: 280, retried: 3, deadLettered: 1 } }),
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

  it('lets the oldest change grow older while the function says nothing', () => {
    const stuck = [4, 5, 6].map((second) => snapshot(second, { pending: 10 }));

    expect(textAt(9, stuck)).toBe('Behind: the oldest change has waited 5 s.');
  });

  it('does not count the time before there was anything to do', () => {
    const idle = Array.from({ length: 30 }, (_, second) => snapshot(second));

    expect(textAt(30, [...idle, snapshot(30, { pending: 1 })])).toBe(
      'Healthy: no change is waiting.',
    );
  });

  it('believes the function’s own age of the oldest record, and its reason', () => {
    const failed = snapshot(5, {
      totals: { ...NOTHING, retried: 20 },
      pending: 40,
      oldestUnappliedMs: 8_000,
      troubles: { ...NO_TROUBLES, unreachable: 12 },
    });

    expect(textAt(6, [snapshot(4, { pending: 20 }), failed])).toBe(
      'Behind: the oldest change has waited 9 s; the destination could not be reached last time.',
    );
  });

  it('does not take a batch in which nothing was applied for the end of a jam', () => {
    const retried = { ...NOTHING, retried: 20 };
    const failed = snapshot(5, { totals: retried, pending: 90, oldestUnappliedMs: 8_000 });
    const set = { ...retried, deadLettered: 20 };

    expect(textAt(6, [snapshot(4), failed, snapshot(6, { totals: set, pending: 70 })])).toBe(
      'Behind: the oldest change has waited 9 s.',
    );
  });

  it('says that it catches up once changes arrive again, late', () => {
    const retried = { ...NOTHING, retried: 20 };
    const failed = snapshot(5, { totals: retried, pending: 90, oldestUnappliedMs: 10_000 });
    const late = snapshot(6, {
      totals: { ...retried, applied: 50 },
      pending: 40,
      latencyMs: { p50: 9_000, p99: 9_900 },
    });
    const done = snapshot(7, {
      totals: { ...retried, applied: 90 },
      latencyMs: { p50: 8_000, p99: 9_900 },
    });
    const jam = [snapshot(4), failed, late];

    expect(textAt(6, jam)).toBe('Catching up: changes arrive 9 s after they were written.');
    expect(textAt(7, [...jam, done])).toBe('Healthy: no change is waiting.');
  });

  it('does not call it catching up when changes keep arriving late', () => {
    const late = Array.from({ length: 30 }, (_, second) =>
      snapshot(second, {
        totals: { ...NOTHING, applied: 50 * second },
        pending: 40,
        latencyMs: { p50: 1_400 + (second % 3), p99: 1_900 },
      }),
    );

    expect(textAt(29, late)).toBe('Late: changes arrive 1.4 s after they were written.');
  });

  it('forgets a reason that is long over', () => {
    const troubled = snapshot(1, { troubles: { ...NO_TROUBLES, denied: 1 } });
    const later = [30, 31].map((second) =>
      snapshot(second, { pending: 1, troubles: troubled.troubles }),
    );

    expect(textAt(33, [snapshot(0), troubled, ...later])).toBe(
      'Behind: the oldest change has waited 3 s.',
    );
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
    redriven: { applied: 1, superseded: 1, coalesced: 0, left },
  });
  const cases: ReadonlyArray<readonly [Partial<LocalRunSummary>, boolean, string]> = [
    [{}, true, 'The tables are equal: 60 items.'],
    [{ items: 1 }, true, 'The tables are equal: 1 item.'],
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
    [{ applied: 89 }, false, 'Without a counted outcome: 1 record.'],
  ];

  it.each(cases)('with %j is clean: %s', (given, clean, text) => {
    expect(endingOf({ ...DONE, ...given })).toEqual({ clean, text });
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
