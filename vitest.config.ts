import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

/** An empty one is none. */
const ENDPOINT_VARIABLES = Object.keys(process.env).filter((name) =>
  /^AWS_ENDPOINT_URL|^AWS_IGNORE_CONFIGURED_ENDPOINT_URLS$/.test(name),
);

/**
 * A process of its own for each: files that take long, which begin first, and files that load modules anew, or leave
 * variables or frozen built-ins behind. All others share processes, so that the SDK, the CDK and the commands are loaded
 * once for each process, and not for each file. They put back what they change.
 */
const ALONE = [
  'test/{bench,chaos,handlers,hostile,local,simulation,stamp}/**/*.test.ts',
  'test/{package,permissions,readme}.test.ts',
  'test/backfill/backfill-live.test.ts',
  'test/cli/reproject.test.ts',
  'test/composition/open-projection.test.ts',
  'test/permissions/functions.test.ts',
  'test/redrive/redrive.property.test.ts',
  'test/switching/{half-open,lost-region,many-tables,planned-switch}.test.ts',
  'test/switchover/change-of-source.test.ts',
  'test/verify/repair-live.test.ts',
];
const ALL = 'test/**/*.test.ts';

export default defineConfig({
  test: {
    globalSetup: 'bin/build.ts',
    // Tests wait for engines, processes and the waits of switches most of the time: four files at once, also on a small
    // machine.
    maxWorkers: Math.max(4, availableParallelism() - 1),
    env: {
      AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
      AWS_ACCESS_KEY_ID: 'test',
      AWS_SECRET_ACCESS_KEY: 'test',
      // Neither a profile, nor endpoints, nor a login of whoever runs the tests.
      AWS_SESSION_TOKEN: '',
      AWS_PROFILE: '',
      AWS_CONFIG_FILE: '/nowhere/config',
      AWS_SHARED_CREDENTIALS_FILE: '/nowhere/credentials',
      AWS_EC2_METADATA_DISABLED: 'true',
      ...Object.fromEntries(ENDPOINT_VARIABLES.map((name) => [name, ''])),
    },
    // No test asserts a time. A limit only ends a test that hangs, also on a machine that is many times slower.
    testTimeout: 600_000,
    hookTimeout: 180_000,
    expect: { poll: { timeout: 90_000 } },
    projects: [
      {
        extends: true,
        test: { name: 'isolated', include: ALONE },
      },
      {
        extends: true,
        test: {
          name: 'together',
          include: [ALL],
          exclude: ALONE,
          isolate: false,
          setupFiles: 'test/fixtures/shared-process.ts',
        },
      },
    ],
  },
});
