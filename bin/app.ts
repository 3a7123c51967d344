// The CDK app that cdk.json names: the configuration file in, a cloud assembly out.
// Another file than ferry.json is named with `cdk --context config=PATH`.

import { App } from 'aws-cdk-lib';
import { buildApp } from '../lib/app.ts';
import { loadConfig } from '../src/config/config-file.ts';
import { UsageError } from '../src/errors.ts';

// Synthesized below and not on exit, so that nothing follows the message of a refused configuration.
const app = new App({ autoSynth: false });
try {
  buildApp(app, loadConfig(app.node.tryGetContext('config') ?? 'ferry.json'));
  app.synth();
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  process.stderr.write(
    `${error.message}\n${error.hint === undefined ? '' : `Hint: ${error.hint}\n`}`,
  );
  process.exitCode = 2;
}
