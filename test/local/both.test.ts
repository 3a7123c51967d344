// `ferry local --both` in both modes, as a user starts it, and its live page in a browser.

import { type ChildProcess, spawn } from 'node:child_process';
import { afterAll, describe, expect, it } from 'vitest';
import type { BothSummary } from '../../src/local/both/both-summary.ts';
import { browserPath, NO_BROWSER, openBrowser } from '../fixtures/browser.ts';

const children: ChildProcess[] = [];
afterAll(() => {
  for (const child of children) if (child.exitCode === null) child.kill('SIGKILL');
});

interface Told {
  readonly exitCode: number | null;
  readonly summary: BothSummary;
  readonly story: string;
}

function both(
  args: readonly string[],
  onPage: (url: string) => void = () => undefined,
): Promise<Told> {
  const workload = ['--items', '200', '--seed', '7', '--json'];
  const child = spawn(process.execPath, ['bin/ferry.cjs', 'local', '--both', ...args, ...workload]);
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
      resolve({ exitCode, story, summary: JSON.parse(stdout || '{}') as BothSummary });
    });
  });
}

async function watchPage(url: string): Promise<Record<string, unknown>> {
  const browser = await openBrowser();
  try {
    const page = browser.context.pages()[0] ?? (await browser.context.newPage());
    const errors: string[] = [];
    page.on('pageerror', ({ message }) => errors.push(message));
    await page.goto(url);
    const ended = page.locator('#connection').filter({ hasText: 'has ended' });
    await ended.waitFor({ timeout: 400_000 });
    return {
      errors,
      first: await page.locator('#first').textContent(),
      second: await page.locator('#second').textContent(),
      route: await page.locator('#route').textContent(),
      verdict: await page.locator('#verdict-text').textContent(),
      hasButtons: await page.locator('#controls').isVisible(),
    };
  } finally {
    await browser.close();
  }
}

const WELL = {
  differences: 0,
  unconfirmed: 0,
  deadLettered: 0,
  writesAtRest: 0,
  lostWrites: 0,
};

describe('ferry local --both', () => {
  const skipped = browserPath === undefined ? ` (without the page: ${NO_BROWSER})` : '';
  it(`counts the conflicts that the applications' log has, under faults${skipped}`, async () => {
    let watched: ReturnType<typeof watchPage> | undefined;
    const { exitCode, summary, story } = await both(
      ['stamped', '--faults', '--duration', '8', '--rate', '80'],
      (url) => {
        if (browserPath !== undefined) watched = watchPage(url);
      },
    );

    expect({ exitCode, story }).toMatchObject({ exitCode: 0 });
    expect(summary).toMatchObject({ ...WELL, mode: 'stamped' });
    expect(summary.conflicts).toBe(summary.expectedConflicts);
    expect(summary.conflicts).toBeGreaterThan(0);
    expect(summary.losersKept).toBeGreaterThanOrEqual(summary.conflicts + summary.strays);
    expect(story).toMatch(/crash is over/);
    if (watched === undefined) return;
    const shown = await watched;
    expect(shown).toMatchObject({ errors: [], hasButtons: false, route: 'us-east-1 ⇄ eu-west-1' });
    expect(shown['verdict']).toMatch(/The tables are equal.*conflicts?, as the log/);
    for (const direction of ['first', 'second'])
      expect(shown[direction]).toMatch(/Applied\d.*own records\d.*Stray writes\d.*Conflicts\d/);
  });

  it('keeps every item at its home, and merges what was written elsewhere', async () => {
    const { exitCode, summary, story } = await both(['home', '--duration', '5', '--rate', '100']);

    expect({ exitCode, story }).toMatchObject({ exitCode: 0 });
    expect(summary).toMatchObject({ ...WELL, mode: 'home', conflicts: 0, expectedConflicts: 0 });
    expect(summary.strays).toBeGreaterThan(0);
    expect(summary.strays).toBeLessThanOrEqual(summary.strayWritesMade);
    expect(summary.own).toBeGreaterThan(0);
  });
});
