// The report of a rehearsal, as people read it and see it.

import { beforeAll, describe, expect, it } from 'vitest';
import { rehearsalText } from '../../src/cli/rehearse-result.ts';
import { rehearsalSvg } from '../../src/rehearsal/picture.ts';
import { rehearse } from '../../src/rehearsal/rehearse.ts';
import { type RehearsalReport, reportFacts } from '../../src/rehearsal/report.ts';
import { runHere } from '../fixtures/two-regions.ts';
import { type Script, ScriptedPlace, waitingClock } from '../rehearsal/scripted-place.ts';

function reportOf(script: Script): Promise<RehearsalReport> {
  const clock = waitingClock();
  const stop = new AbortController().signal;
  return rehearse(new ScriptedPlace(script, clock), { clock, say: () => undefined, stop });
}

let good: RehearsalReport;
let bad: RehearsalReport;
beforeAll(async () => {
  good = await reportOf({});
  bad = await reportOf({ silent: 'dead-letters', isSwitched: false, unhealed: 'poison-records' });
});

describe('in a terminal', () => {
  it('has a line for each failure, the switches, and the commands', () => {
    const lines = rehearsalText(good, '/tmp/latency.svg');

    expect(lines[0]).toMatch(
      /^Rehearsal of rehearsal-abcd, us-east-1 to eu-west-1: 6 failures in /,
    );
    const cells = lines.map((line) => line.trim().split(/ {2,}/));
    expect(cells).toContainEqual([
      'failure',
      'alarm',
      'fired after',
      'in status after',
      'RPO',
      'RTO',
    ]);
    const named = cells.map(([name]) => name);
    for (const { name } of good.failures) expect(named).toContain(name);
    expect(lines).toContain('  Switch to eu-west-1: RPO 0 ms, proven; RTO 41 s.');
    expect(lines).toContain('  Switch to eu-west-1: RPO 1.2 s, estimated; RTO 26 s.');
    expect(lines).toContain('  ferry redrive --apply --replication rehearsal-abcd');
    expect(lines).toContain('The latency over time as a picture: /tmp/latency.svg');
    expect(lines.at(-1)).toBe(
      'Every alarm fired, ferry status showed every failure, and the replication healed.',
    );
  });

  it('says what was not as it must be, and what was not rehearsed', () => {
    const lines = rehearsalText(bad, undefined);

    expect(lines.slice(-3)).toEqual([
      '2 problems:',
      '  poison-records: The alarm dead-letters did not fire.',
      '  poison-records: Not healthy again: behind, by 3 min.',
    ]);
    expect(lines.find((line) => line.startsWith('  poison-records  '))).toMatch(
      /dead-letters +did not fire .*not healed$/,
    );
    expect(lines).toContain(
      '  source-lost: not rehearsed, because the replication has no "switching".',
    );
  });
});

it('has the figures for scripts, in seconds and in UTC', () => {
  const facts = reportFacts(good);

  expect(facts).toMatchObject({
    replication: 'rehearsal-abcd',
    source: 'us-east-1',
    destination: 'eu-west-1',
    startedAt: '2026-01-31T12:00:00.000Z',
    problems: [],
  });
  expect(facts.failures[0]).toMatchObject({
    name: 'destination-denied',
    rpoSeconds: expect.closeTo(2.5, 0),
    rtoSeconds: expect.any(Number),
    commands: ['ferry status --replication rehearsal-abcd'],
  });
  // Of switches, what their proofs say, as in the table for people.
  expect(facts.failures.find(({ name }) => name === 'source-lost')).toMatchObject({
    rpoSeconds: 1.2,
    rtoSeconds: 26,
  });
  expect(facts.failures.at(-1)).toMatchObject({ rpoSeconds: 0, rtoSeconds: 41 });
  const seconds = facts.latencyMs.map(([second]) => second);
  expect(seconds).toEqual(seconds.toSorted((a, b) => a - b));
  expect(JSON.stringify(facts)).not.toMatch(/NaN|undefined/);
});

describe('as a picture', () => {
  it('marks each failure, when its alarm fired, and says all of it in words', () => {
    const svg = rehearsalSvg(good);

    expect(svg.match(/class="down"/g)).toHaveLength(6);
    expect(svg.match(/class="heals"/g)).toHaveLength(6);
    // No alarm must fire for a planned switch.
    expect(svg.match(/>▼</g)).toHaveLength(5);
    expect(svg).toContain('function-disabled: heartbeat-missing fired after 2.0 s; behind by');
    expect(svg).not.toMatch(/NaN|Infinity|undefined/);
  });

  it('breaks the line where nothing was written, and shows what did not heal', () => {
    // Without the lost source, nothing is written until the switch has ended.
    expect(rehearsalSvg(good).match(/M\d/g)?.length).toBeGreaterThanOrEqual(2);
    expect(rehearsalSvg(bad)).toContain('dead-letters did not fire');
    expect(rehearsalSvg(bad)).toContain('not healthy again');
  });
});

describe('options that contradict each other', () => {
  it.each(['--apply', '--clean'])('--local and %s', async (option) => {
    const { exitCode, err } = await runHere(['rehearse', '--local', option]);

    expect(exitCode).toBe(2);
    expect(err).toContain(`--local and ${option} cannot be combined.`);
  });
});
