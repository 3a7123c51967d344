// What a rehearsal decides, by places that follow a script.

import { describe, expect, it } from 'vitest';
import { rehearse } from '../../src/rehearsal/rehearse.ts';
import { rehearsalText } from '../../src/cli/rehearse-result.ts';
import { problemsOf, type RehearsalReport, reportFacts } from '../../src/rehearsal/report.ts';
import { type Script, ScriptedPlace, waitingClock } from './scripted-place.ts';

interface Rehearsed {
  readonly report: RehearsalReport;
  readonly calls: readonly string[];
  readonly said: readonly string[];
}

async function rehearsed(script: Script, stopWith?: string): Promise<Rehearsed> {
  const clock = waitingClock();
  const place = new ScriptedPlace(script, clock);
  const stopping = new AbortController();
  const said: string[] = [];
  const say = (line: string) => {
    said.push(line);
    if (stopWith !== undefined && line.includes(stopWith)) stopping.abort();
  };
  const report = await rehearse(place, { clock, say, stop: stopping.signal });
  return { report, calls: place.calls, said };
}

const outcomeOf = ({ failures }: RehearsalReport, name: string) => {
  const found = failures.find((one) => one.name === name);
  if (found === undefined) throw new Error(`${name} was not rehearsed`);
  return found;
};

describe('a place where everything is as it must be', () => {
  it('takes each failure back before the next, and compares at the end', async () => {
    const { report, calls } = await rehearsed({});

    expect(problemsOf(report)).toEqual([]);
    expect(calls).toEqual([
      'inject destination-denied',
      'take back destination-denied',
      'inject destination-throttled',
      'take back destination-throttled',
      'inject function-disabled',
      'take back function-disabled',
      'inject poison-records',
      'take back poison-records',
      'redrive',
      'inject source-lost',
      'fail over',
      'take back source-lost',
      'rejoin',
      'planned-switch',
      'planned-switch',
      'compare',
    ]);
  });

  it('measures when the alarm fired, how far the twin was behind, and how long it took to heal', async () => {
    const { report } = await rehearsed({});

    const denied = outcomeOf(report, 'destination-denied');
    expect(denied.alarms).toEqual([
      { name: 'destination-denied', firedAfterMs: expect.any(Number) },
    ]);
    expect(denied.alarms[0]?.firedAfterMs).toBeGreaterThanOrEqual(2_000);
    const lastedMs = denied.recoveredAtMs - denied.startedAtMs;
    // One write in four is watched, of twenty a second.
    expect(denied.behindMs).toBeGreaterThan(lastedMs - 500);
    expect(denied.behindMs).toBeLessThan(lastedMs + 1_500);
    expect(denied.healthyAtMs).toBeGreaterThanOrEqual(denied.recoveredAtMs);
    const [there, back] = outcomeOf(report, 'planned-switch').switches;
    expect([there, back]).toMatchObject([{ isProven: true }, { isProven: true }]);
    expect(report.refused).toBeGreaterThan(0);
  });

  it('does not take what a lost Region has for something that arrives', async () => {
    const { report } = await rehearsed({});

    const { startedAtMs, recoveredAtMs } = outcomeOf(report, 'source-lost');
    const during = report.latency.filter(
      ({ writtenAtMs }) => writtenAtMs > startedAtMs && writtenAtMs < recoveredAtMs - 1_000,
    );
    expect(during).toEqual([]);
  });
});

describe('what is not as it must be is a problem', () => {
  it.each<readonly [string, Script, readonly string[]]>([
    [
      'an alarm that does not fire',
      { silent: 'destination-throttled' },
      ['destination-throttled: The alarm destination-throttled did not fire.'],
    ],
    [
      'an alarm that fires when it is too late',
      { late: 'poison-records', unhealed: 'poison-records', isSwitched: false },
      [
        'poison-records: The alarm dead-letters fired only when the failure was over.',
        'poison-records: Not healthy again: behind, by 3 min.',
      ],
    ],
    [
      'an alarm that does not exist',
      { missing: 'heartbeat-missing' },
      [
        'function-disabled: The replication has no alarm heartbeat-missing. Configure "heartbeat": without it, no alarm fires before records have waited for an hour.',
      ],
    ],
    [
      'an alarm that fired before',
      { stuck: 'dead-letters' },
      ['poison-records: The alarm dead-letters did not fire.'],
    ],
    [
      'a status that does not show it',
      { unseen: 'planned-switch' },
      [
        'planned-switch: ferry status did not name the entry planned-evacuation of the runbook; it said: healthy, p99 latency is 850 ms.',
      ],
    ],
    [
      'a replication that does not heal',
      { unhealed: 'poison-records' },
      ['poison-records: Not healthy again: behind, by 3 min.'],
    ],
    [
      'dead letters that stay',
      { lettersLeft: 2 },
      ['poison-records: The redrive has left 2 dead letters.'],
    ],
    [
      'a status of a replication to which nothing is written',
      { fencedAfter: 'poison-records', isSwitched: false },
      ['poison-records: Not healthy again: no write has arrived since.'],
    ],
    ['tables that differ', { differences: 3 }, ['3 items differ at the end.']],
  ])('%s', async (_, script, problems) => {
    const { report } = await rehearsed(script);

    expect(problemsOf(report)).toEqual(problems);
    expect(reportFacts(report)).toMatchObject({ problems });
  });

  it('does not wait for an alarm that does not exist', async () => {
    const { report } = await rehearsed({ missing: 'heartbeat-missing' });

    const { startedAtMs, recoveredAtMs } = outcomeOf(report, 'function-disabled');
    expect(recoveredAtMs - startedAtMs).toBeLessThan(5_000);
  });

  it('an alarm that fires as well is no problem, and is in the report', async () => {
    const { report } = await rehearsed({ more: 'control-unreadable' });

    expect(problemsOf(report)).toEqual([]);
    expect(outcomeOf(report, 'destination-denied').otherAlarms).toEqual(['control-unreadable']);
  });
});

describe('what cannot be rehearsed', () => {
  it('is said of a replication without "switching"', async () => {
    const { report, calls } = await rehearsed({ isSwitched: false });

    const why = 'the replication has no "switching"';
    expect(report.notRehearsed).toEqual([
      { name: 'source-lost', why },
      { name: 'planned-switch', why },
    ]);
    expect(calls).not.toContain('planned-switch');
    expect(problemsOf(report)).toEqual([]);
  });

  it('is what comes after Ctrl-C; the failure under way is taken back', async () => {
    const { report, calls } = await rehearsed({}, 'destination-throttled:');

    expect(report.failures.map(({ name }) => name)).toEqual(['destination-denied']);
    expect(calls.at(-1)).toBe('take back destination-throttled');
    expect(report.differences).toBeNull();
    expect(rehearsalText(report, undefined).at(-1)).toBe(
      'The rehearsal was stopped before its end.',
    );
    expect(report.notRehearsed.map(({ name, why }) => `${name}: ${why}`)).toEqual(
      [
        'destination-throttled',
        'function-disabled',
        'poison-records',
        'source-lost',
        'planned-switch',
      ].map((name) => `${name}: the rehearsal was stopped`),
    );
  });
});

it('does not begin with a replication that is not healthy', async () => {
  const clock = waitingClock();
  const place = new ScriptedPlace({ isSick: true }, clock);
  const stop = new AbortController().signal;

  const running = rehearse(place, { clock, say: () => undefined, stop });

  await expect(running).rejects.toMatchObject({
    code: 'rehearsal.unhealthy',
    message: expect.stringContaining('the destination denies') as string,
  });
  expect(place.calls).toEqual([]);
});

it('takes a failure back when the load can go on no longer', async () => {
  const clock = waitingClock();
  // The first failure begins after the first looks.
  const place = new ScriptedPlace({ brokenFrom: 40 }, clock);
  const stop = new AbortController().signal;

  const running = rehearse(place, { clock, say: () => undefined, stop });

  await expect(running).rejects.toThrow('the table is gone');
  expect(place.calls).toEqual(['inject destination-denied', 'take back destination-denied']);
});
