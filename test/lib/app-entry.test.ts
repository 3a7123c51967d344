// The CDK entry as the CDK runs it: one process, told by its environment, that ends with a code.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';

const PROJECT = fileURLToPath(new URL('../..', import.meta.url));
const TIMEOUT_MS = 150_000;
const temporary = mkdtempSync(join(tmpdir(), 'ferry-app-'));

afterAll(() => rmSync(temporary, { recursive: true }));

function runApp(config: string) {
  const context = JSON.stringify({ config });
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ['--import', 'tsx', 'bin/app.ts'],
    {
      cwd: PROJECT,
      env: { CDK_CONTEXT_JSON: context, CDK_OUTDIR: join(temporary, 'cdk.out') },
      encoding: 'utf8',
      timeout: TIMEOUT_MS,
    },
  );
  return { status, stdout, stderr };
}

describe('bin/app.ts', () => {
  it('names every problem of a configuration, hints at help, and exits with 2', () => {
    const path = join(temporary, 'wrong.json');
    writeFileSync(path, JSON.stringify({ replications: [{ name: 'Orders' }] }));

    const { status, stdout, stderr } = runApp(path);

    expect(stderr).toContain('"source" is required');
    expect(stderr).toContain('"destination" is required');
    expect(stderr).toContain('replications.0.name: expected 1 to 30 lower-case letters');
    expect(stderr).toContain('\nHint: ');
    expect(stderr).not.toMatch(/^\s+at /m);
    expect(stdout).toBe('');
    expect(status).toBe(2);
  });

  it('says which configuration file is missing', () => {
    const { status, stderr } = runApp(join(temporary, 'absent.json'));

    expect(stderr).toContain(`There is no configuration file ${join(temporary, 'absent.json')}`);
    expect(status).toBe(2);
  });
});
