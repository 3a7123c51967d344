import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

/** An empty one is none. */
const ENDPOINT_VARIABLES = Object.keys(process.env).filter((name) =>
  /^AWS_ENDPOINT_URL|^AWS_IGNORE_CONFIGURED_ENDPOINT_URLS$/.test(name),
);

/** These load the CDK, or every command: once for each process, and not for each file. Their files share nothing else. */
const TOGETHER = ['test/lib/**/*.test.ts', 'test/cli/**/*.test.ts'];

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
        test: { name: 'isolated', include: ['test/**/*.test.ts'], exclude: TOGETHER },
      },
      { extends: true, test: { name: 'together', include: TOGETHER, isolate: false } },
    ],
  },
});
