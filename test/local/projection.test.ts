// The sample of a projection, as a user runs it, with everything that `--faults` does to it: items enter and leave the
// twin all the time.

import { spawnSync } from 'node:child_process';
import { expect, it } from 'vitest';
import type { LocalRunSummary } from '../../src/local/run/run-summary.ts';

function ferry(...args: readonly string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['bin/ferry.cjs', ...args], {
    encoding: 'utf8',
  });
  return { status, stdout, stderr };
}

it.each(['orders-eu', 'orders-paid'])('%s ends with equal tables, with faults', (name) => {
  const config = ['--config', 'examples/projection/ferry.json', '--replication', name];
  const load = ['--duration', '6', '--rate', '80', '--items', '100'];

  const { status, stdout, stderr } = ferry('local', ...config, ...load, '--faults', '--json');
  const summary = JSON.parse(stdout) as LocalRunSummary;

  expect(summary).toMatchObject({ differences: 0, unconfirmed: 0, redriven: { left: 0 } });
  expect(status).toBe(0);
  for (const count of ['items', 'leftOut', 'applied', 'skipped'] as const)
    expect(summary[count]).toBeGreaterThan(0);
  // Only the rules hash something.
  expect(stderr.includes('hash keys    made for this run')).toBe(name === 'orders-eu');
});

it('measures latency without the projection, and says so', () => {
  const config = ['--config', 'examples/projection/ferry.json', '--replication', 'orders-paid'];

  const { status, stderr } = ferry('latency', ...config, '--rates', '20', '--duration', '1');

  expect(stderr).toContain('Latency is measured without the projection');
  expect(stderr).toContain('20 of 20 arrived');
  expect(status).toBe(0);
});
