// The live page as a person meets it: a real run, a real browser, and the keyboard.

import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterEach, describe, expect, it } from 'vitest';
import type { LocalRunSummary } from '../../src/local/run/run-summary.ts';
import type { PageView } from '../../src/local/page/page-view.ts';
import { browserPath, NO_BROWSER, openBrowser, type TestBrowser } from '../fixtures/browser.ts';

interface Running {
  readonly child: ChildProcess;
  readonly url: string;
  readonly finished: Promise<{ exitCode: number | null; summary: LocalRunSummary }>;
}

let running: ChildProcess | undefined;
let browser: TestBrowser | undefined;
afterEach(async () => {
  await browser?.close();
  browser = undefined;
  if (running?.exitCode === null) running.kill('SIGKILL');
});

/** Resolves once the run has said where its page is. */
async function startRun(...args: readonly string[]): Promise<Running> {
  const command = ['bin/ferry.cjs', 'local', '--json', ...args];
  const child = spawn(process.execPath, command);
  running = child;
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const finished = new Promise<{ exitCode: number | null; summary: LocalRunSummary }>((resolve) => {
    child.on('close', (exitCode) => {
      // A run that a failing test has killed leaves none.
      const summary = stdout.trim().split('\n').at(-1) || '{}';
      resolve({ exitCode, summary: JSON.parse(summary) as LocalRunSummary });
    });
  });
  const place = /live page +(http:\/\/127\.0\.0\.1:\d+)/;
  await expect.poll(() => stderr).toMatch(place);
  return { child, finished, url: place.exec(stderr)?.[1] ?? '' };
}

async function press(url: string, path: string): Promise<number> {
  return (await fetch(`${url}${path}`, { method: 'POST' })).status;
}

describe('a run whose page is played with', () => {
  it('ends with the truth when faults were left on and dead letters lie about', async () => {
    const { child, url, finished } = await startRun('--duration', '300', '--rate', '100');
    expect(await press(url, '/faults/poison/on')).toBe(204);
    const deadLetters = async () => (await viewAt(url)).totals.deadLettered;
    await expect.poll(deadLetters).toBeGreaterThan(3);
    // What the function could not write, a redrive cannot write, either.
    expect(await press(url, '/redrive')).toBe(204);
    const result = async () => (await viewAt(url)).controls.redriveResult;
    await expect.poll(result).toMatch(/0 applied.*ValidationException/);
    expect(await press(url, '/faults/outage/on')).toBe(204);

    child.kill('SIGINT');
    const { exitCode, summary } = await finished;

    expect(summary.deadLettered).toBeGreaterThan(3);
    expect(summary.redriven?.applied).toBe(0);
    // What is superseded is so without a write. A record whose letter was sent while the outage began may
    // have been sent twice.
    const { superseded = 0, coalesced = 0, left = 0 } = summary.redriven ?? {};
    expect(superseded + coalesced + left).toBeGreaterThanOrEqual(summary.deadLettered);
    expect(left).toBeGreaterThan(0);
    expect(exitCode).toBe(3);
  });

  it('can be played with after the comparison, too, and still ends on Ctrl-C', async () => {
    const { child, url, finished } = await startRun('--duration', '1', '--rate', '50', '--keep');
    const note = async () => (await viewAt(url)).note;
    await expect.poll(note).toMatch(/^The tables are equal: \d+ items\.$/);
    expect(await press(url, '/faults/outage/on')).toBe(204);
    expect((await viewAt(url)).controls).toMatchObject({ open: true, faults: { outage: true } });

    child.kill('SIGINT');

    expect(await finished).toMatchObject({ exitCode: 0, summary: { differences: 0 } });
  });
});

/** What a page is told first. */
async function viewAt(url: string): Promise<PageView> {
  const { body } = await fetch(`${url}/events`);
  let text = '';
  for await (const chunk of body ?? []) {
    text += new TextDecoder().decode(chunk as Uint8Array);
    if (/^data: .*\n\n/m.test(text)) break;
  }
  return JSON.parse(/^data: (.*)$/m.exec(text)?.[1] ?? '') as PageView;
}

const SHOTS = process.env['FERRY_SCREENSHOTS'];

/** Screenshots of both sizes, in light and in dark, none of them wider than the screen. */
async function photograph(page: Page, name: string, folder: string): Promise<void> {
  for (const [width, height] of [
    [1280, 900],
    [390, 844],
    [360, 740],
  ] as const) {
    await page.setViewportSize({ width, height });
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme });
      const path = join(folder, `${name}-${width}-${colorScheme}.png`);
      await page.screenshot({ path, fullPage: true });
    }
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(width);
  }
  await page.setViewportSize({ width: 1280, height: 900 });
}

/** What a page must not do: complain, or ask anybody but the run. */
function watch(page: Page, url: string): { errors: string[]; foreign: string[] } {
  const seen = { errors: [] as string[], foreign: [] as string[] };
  page.on('pageerror', ({ message }) => seen.errors.push(message));
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning')
      seen.errors.push(message.text());
  });
  page.on('request', (request) => {
    if (new URL(request.url()).origin !== url) seen.foreign.push(request.url());
  });
  return seen;
}

/** Steps from control to control, as without a mouse. */
async function tabTo(page: Page, name: string): Promise<void> {
  const focused = page.locator('button:focus').filter({ hasText: name });
  for (let step = 1; step <= 12; step += 1) {
    await page.keyboard.press('Tab');
    if ((await focused.count()) === 1) return;
  }
  throw new Error(`no Tab has led to the button "${name}"`);
}

const skipped = browserPath === undefined ? ` (skipped: ${NO_BROWSER})` : '';

describe.skipIf(browserPath === undefined)(`the live page${skipped}`, () => {
  it('shows an outage and its end, poison and a redrive, from the keyboard', async () => {
    const folder = SHOTS ?? mkdtempSync(join(tmpdir(), 'ferry-screenshots-'));
    mkdirSync(folder, { recursive: true });
    const { child, url, finished } = await startRun('--duration', '300', '--rate', '80');
    browser = await openBrowser();
    const page = browser.context.pages()[0] ?? (await browser.context.newPage());
    const seen = watch(page, url);
    const verdict = page.locator('#verdict-text');
    const says = (text: RegExp) => expect.poll(() => verdict.textContent()).toMatch(text);

    await page.goto(url);
    await says(/^Healthy: .*\d+\sm?s/);
    await expect.poll(() => page.locator('#destination-items').textContent()).toMatch(/\d/);
    await photograph(page, 'healthy', folder);

    await tabTo(page, 'Outage');
    await page.keyboard.press('Space');
    await says(/^Stuck: the destination cannot be reached; .* \d+(\.\d)?\ss/);
    const outage = page.getByRole('button', { name: 'Outage' });
    expect(await outage.getAttribute('aria-pressed')).toBe('true');
    expect(await page.getByRole('status').first().textContent()).toMatch(/^Stuck/);
    await photograph(page, 'outage', folder);

    await page.keyboard.press('Space');
    await says(/^Healthy: .*\d+\sm?s/);
    expect(await outage.getAttribute('aria-pressed')).toBe('false');

    await tabTo(page, 'Poison');
    await page.keyboard.press('Enter');
    await says(/^Behind by \d+ dead letters?/);
    await photograph(page, 'poison', folder);
    await page.keyboard.press('Enter');
    const poison = page.getByRole('button', { name: 'Poison' });
    await expect.poll(() => poison.getAttribute('aria-pressed')).toBe('false');

    await tabTo(page, 'Redrive');
    await page.keyboard.press('Enter');
    const result = page.locator('#redrive-result');
    // Records that were struck last may become letters only after the first redrive.
    const redriven = async () => {
      const text = await result.textContent();
      if (/[1-9]\d* left\.$/.test(text ?? '')) await page.keyboard.press('Enter');
      return text;
    };
    await expect.poll(redriven).toMatch(/^Redriven: \d+ applied, .* 0 left\.$/);
    await says(/^Healthy/);

    child.kill('SIGINT');
    await says(/^The tables are equal: \d+ items\.$/);
    await expect
      .poll(() => page.locator('#connection').textContent())
      .toContain('The run has ended');
    await photograph(page, 'ended', folder);
    const { exitCode, summary } = await finished;

    expect(exitCode).toBe(0);
    expect(summary).toMatchObject({ differences: 0, redriven: { left: 0 } });
    const { applied = 0, superseded = 0, coalesced = 0 } = summary.redriven ?? {};
    expect(applied + superseded + coalesced).toBeGreaterThanOrEqual(summary.deadLettered);
    expect(seen).toEqual({ errors: [], foreign: [] });
    if (SHOTS === undefined) rmSync(folder, { recursive: true });
  });
});
