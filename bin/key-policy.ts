// Prints what the policies of the keys in a configuration must allow, by key, for the keys' owner:
// `npm run --silent key-policy -- --account 111122223333 [--config FILE]`.

import { parseArgs } from 'node:util';
import { loadConfig } from '../src/config/config-file.ts';
import { UsageError } from '../src/errors.ts';
import { keyPolicies } from '../src/permissions/key-policy.ts';

function optionsOf(args: string[]): { account: string; config: string } {
  const { values, tokens } = parseArgs({
    args,
    options: {
      account: { type: 'string', default: '' },
      config: { type: 'string', default: 'ferry.json' },
    },
    strict: false,
    tokens: true,
  });
  const unknown = tokens.find(
    (token) => token.kind !== 'option' || !['account', 'config'].includes(token.name),
  );
  const { account, config } = values;
  if (unknown === undefined && /^[0-9]{12}$/.test(String(account))) {
    return { account: String(account), config: String(config) };
  }
  throw new UsageError(
    unknown === undefined
      ? `--account must be 12 digits, got "${String(account)}".`
      : `There is no option ${args[unknown.index]}.`,
    {
      code: 'usage.options',
      hint: '`npm run --silent key-policy -- --account ACCOUNT --config ferry.json`, with the account to which the app is deployed.',
    },
  );
}

try {
  const { account, config } = optionsOf(process.argv.slice(2));
  const { replications, fleet } = loadConfig(config);
  const policies = Object.fromEntries(keyPolicies(replications, account, undefined, fleet));
  process.stdout.write(`${JSON.stringify(policies, undefined, 2)}\n`);
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  process.stderr.write(`${error.message}\nHint: ${error.hint}\n`);
  process.exitCode = 2;
}
