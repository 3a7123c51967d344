// Rehearsals on this machine: embedded engines, the functions that ship, and the alarms of a deployment on the figures
// of the run.

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { alarmRules } from '../../src/alarms/alarm-rules.ts';
import { systemClock } from '../../src/aws/system-clock.ts';
import { parseOptions } from '../../src/cli/arguments.ts';
import { rehearseCommand, showRehearsal } from '../../src/cli/rehearse.ts';
import { lookAt } from '../../src/cli/status.ts';
import { localRehearsal } from '../../src/local/rehearsal/local-rehearsal.ts';
import type { RulesOf } from '../../src/local/rehearsal/local-alarms.ts';
import { seededRandom } from '../../src/local/seeded-random.ts';
import { type Failure, planOf } from '../../src/rehearsal/failures.ts';
import type { FailureName } from '../../src/rehearsal/ports.ts';
import { BEATING, replicationOf } from '../lib/stack-templates.ts';

const folder = mkdtempSync(join(tmpdir(), 'ferry-rehearsal-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
const running = new AbortController().signal;

function failuresNamed(...names: readonly FailureName[]): Failure[] {
  const all = planOf({ hasHeartbeat: true, isSwitched: true }).failures;
  return all.filter(({ name }) => names.includes(name));
}

function rehearsed(failures: readonly Failure[], rulesOf?: RulesOf) {
  const replication = replicationOf(BEATING);
  return localRehearsal({
    replication,
    credentials,
    runId: `rehearsal-${failures.length}`,
    clock: systemClock,
    random: seededRandom(1),
    stop: running,
    onProblem: () => undefined,
    say: () => undefined,
    statusOf: async (scratch, clock) => (await lookAt(scratch, { environment: {}, clock })).verdict,
    failures,
    rulesOf,
  });
}

/** As the command prints it. */
function shown(report: Awaited<ReturnType<typeof rehearsed>>, ...args: readonly string[]) {
  const lines: string[] = [];
  const io = {
    out: (line: string) => void lines.push(line),
    err: () => undefined,
    status: () => undefined,
    isTerminal: false,
    interrupted: running,
    environment: {},
  };
  const options = parseOptions(rehearseCommand, ['--local', ...args]);
  return { exitCode: showRehearsal(report, { options, io }), lines };
}

describe.concurrent('a rehearsal on this machine', () => {
  it('shows each failure, fires its alarm, and heals', { timeout: 600_000 }, async () => {
    const names = planOf({ hasHeartbeat: true, isSwitched: false }).failures.map(
      ({ name }) => name,
    );

    const report = await rehearsed(failuresNamed(...names));

    const svg = join(folder, 'rehearsal.svg');
    const { exitCode, lines } = shown(report, '--json', '--svg', svg);
    expect(lines).toHaveLength(1);
    const facts = JSON.parse(lines[0] ?? '') as Record<string, unknown>;
    expect({ exitCode, facts }).toMatchObject({
      exitCode: 0,
      facts: { problems: [], differences: 0, minuteMs: 1_000 },
    });
    expect(facts['failures']).toMatchObject(names.map((name) => ({ name, problems: [] })));
    // Without "switching", two are left out.
    expect(facts['notRehearsed']).toHaveLength(2);
    const picture = readFileSync(svg, 'utf8');
    for (const name of names) expect(picture).toContain(name);
    expect(picture).toMatch(/<path class="curve" d="M[\d.]+ [\d.]+ /);
    expect(picture).not.toMatch(/NaN|undefined|Infinity/);
  });

  it('ends with 3 where an alarm is missing', { timeout: 600_000 }, async () => {
    const missing = 'destination-denied';
    const rulesOf: RulesOf = (replication) =>
      alarmRules(replication).filter(({ anchor }) => anchor !== missing);

    const report = await rehearsed(failuresNamed(missing), rulesOf);

    const { exitCode, lines } = shown(report);
    expect(exitCode).toBe(3);
    expect(lines.at(-1)).toBe(
      '  destination-denied: The replication has no alarm destination-denied.',
    );
    expect(report.failures).toMatchObject([
      { status: { text: expect.stringContaining('denies') } },
    ]);
  });
});
