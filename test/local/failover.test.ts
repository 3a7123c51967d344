// Both stories of `ferry local --failover`, as a user starts them. They mostly wait, as a switch does: side by side.

import { type ChildProcess, spawn } from 'node:child_process';
import { afterAll, describe, expect, it } from 'vitest';
import { browserPath, NO_BROWSER, openBrowser } from '../fixtures/browser.ts';
import type { FailoverSummary } from '../../src/local/failover/failover-run.ts';

const children: ChildProcess[] = [];
afterAll(() => {
  for (const child of children) if (child.exitCode === null) child.kill('SIGKILL');
});

/** Of one run, the live page in a browser, until its first proof. */
async function watchPage(url: string): Promise<Record<string, unknown>> {
  const browser = await openBrowser();
  try {
    const page = browser.context.pages()[0] ?? (await browser.context.newPage());
    const errors: string[] = [];
    page.on('pageerror', ({ message }) => errors.push(message));
    await page.goto(url);
    await page.locator('#second dd').first().waitFor({ timeout: PATIENCE_MS });
    const [buttons, state] = [page.locator('#controls'), page.locator('#first')];
    return {
      errors,
      state: await state.textContent(),
      proof: await page.locator('#second').textContent(),
      route: await page.locator('#route').textContent(),
      hasButtons: await buttons.isVisible(),
    };
  } finally {
    await browser.close();
  }
}

const PATIENCE_MS = 400_000;

interface Told {
  readonly exitCode: number | null;
  readonly summary: FailoverSummary;
  readonly story: string;
}

function failover(
  more: readonly string[],
  onPage: (url: string) => void = () => undefined,
): Promise<Told> {
  const workload = ['--rate', '40', '--duration', '6', '--items', '150', '--seed', '7'];
  const args = ['bin/ferry.cjs', 'local', '--failover', ...workload, '--json', ...more];
  const child = spawn(process.execPath, args);
  children.push(child);
  let [stdout, story] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  let page: string | undefined;
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    story += text;
    if (page !== undefined) return;
    page = /live page +(http:\/\/127\.0\.0\.1:\d+)\n/.exec(story)?.[1];
    if (page !== undefined) onPage(page);
  });
  return new Promise((resolve) => {
    child.on('close', (exitCode) => {
      // One line, and nothing else. A run that a failing test has killed leaves none.
      resolve({ exitCode, story, summary: JSON.parse(stdout || '{}') as FailoverSummary });
    });
  });
}

/** Every record has ended in exactly one outcome, in one direction or the other. */
function accountedFor(summary: FailoverSummary): number {
  const { applied, superseded, coalesced, skipped, deadLettered, own, strays } = summary;
  const { strandedRecords, givenUp } = summary;
  const ended = applied + superseded + coalesced + skipped + deadLettered + givenUp;
  return ended + own + strays + strandedRecords;
}

function report(story: string, { switches }: FailoverSummary): void {
  for (const { to, rtoSeconds, writesRefused, rpoSeconds } of switches)
    console.log(
      `${story}, to ${to}: RPO ${rpoSeconds} s, RTO ${rtoSeconds} s, ${writesRefused} writes refused`,
    );
}

describe.concurrent('ferry local --failover', () => {
  const skipped = browserPath === undefined ? ` (without the page: ${NO_BROWSER})` : '';
  it(`switches to the destination and back, with a proof of each${skipped}`, async () => {
    let watched: ReturnType<typeof watchPage> | undefined;
    const { exitCode, summary, story } = await failover([], (url) => {
      if (browserPath !== undefined) watched = watchPage(url);
    });

    expect({ exitCode, story }).toMatchObject({ exitCode: 0 });
    report('planned', summary);
    expect(summary).toMatchObject({ differences: 0, unconfirmed: 0, strays: 0, deadLettered: 0 });
    expect(accountedFor(summary)).toBe(summary.records);
    expect(summary.own).toBeGreaterThan(0);
    const [there, back] = summary.switches;
    expect(summary.switches).toHaveLength(2);
    expect(there).toMatchObject({ to: 'eu-west-1', rpoSeconds: 0 });
    expect(back).toMatchObject({ to: 'us-east-1', rpoSeconds: 0 });
    for (const { proof, writesRefused } of summary.switches) {
      expect(proof).toMatchObject({ rpo: { seconds: 0, proven: true }, fence: 'application' });
      expect(proof.lookedAgain).toEqual({ keys: proof.keys, differences: 0 });
      expect(proof.keys).toBeGreaterThan(0);
      expect(writesRefused).toBeGreaterThan(0);
    }
    // All writes were made in three epochs. A delete that overtakes the put of its item makes no record.
    const records = summary.switches.reduce((sum, { proof }) => sum + proof.records, 0);
    expect(records).toBeLessThan(summary.writes);
    if (watched === undefined) return;
    const shown = await watched;
    expect(shown).toMatchObject({ errors: [], hasButtons: false, route: 'eu-west-1 → us-east-1' });
    expect(shown['state']).toMatch(/^Activeeu-west-1Epoch2/);
    expect(shown['proof']).toMatch(/Records read\d.*RPO, proven0 s/);
  });

  it('keeps what a lost source took, and puts it back when the source has rejoined', async () => {
    const { exitCode, summary, story } = await failover(['--source-lost']);

    expect({ exitCode, story }).toMatchObject({ exitCode: 0 });
    report('source lost', summary);
    expect(summary).toMatchObject({ differences: 0, unconfirmed: 0, deadLettered: 0 });
    expect(accountedFor(summary)).toBe(summary.records);
    const { stranded, strandedRecords, switches } = summary;
    expect(switches).toHaveLength(1);
    expect(switches[0]).toMatchObject({ to: 'eu-west-1', proof: { rpo: { proven: false } } });
    expect(strandedRecords).toBeGreaterThan(0);
    expect(stranded).toMatchObject({ undecided: 0, dropped: 0 });
    // Both applications write to the same items.
    expect(stranded?.stranded).toBeGreaterThan(0);
    expect(stranded?.overtaken).toBeGreaterThan(0);
    expect(stranded?.replayed).toBe(stranded?.stranded);
  });
});

describe('options of another story', () => {
  it.each([
    ['--source-lost', ['--source-lost'], '--source-lost needs --failover.'],
    ['--faults', ['--failover', '--faults'], '--failover and --faults cannot be combined.'],
    ['--keep', ['--failover', '--keep'], '--failover and --keep cannot be combined.'],
  ])('are refused: %s', async (_, args, message) => {
    const child = spawn(process.execPath, ['bin/ferry.cjs', 'local', ...args]);
    children.push(child);
    let stderr = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    const exitCode = await new Promise((resolve) => child.on('close', resolve));

    expect(exitCode).toBe(2);
    expect(stderr).toContain(message);
  });
});
