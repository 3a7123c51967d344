// A checked configuration in, the app's stacks out: a pair per replication, destination first,
// because the source's function needs its tables from its first record on.

import { Annotations, type App, Validations } from 'aws-cdk-lib';
import { AwsSolutionsChecks } from 'cdk-nag';
import type { Config, ReplicationConfig } from '../src/config/config.ts';
import { regionDoubts } from '../src/config/regions.ts';
import { placeOf } from '../src/config/tables.ts';
import { DestinationStack } from './destination-stack.ts';
import { keyPolicies, servicePrincipals } from './key-policy.ts';
import { SourceStack } from './source-stack.ts';
import { bundledCode } from './stream-replicator.ts';

export interface FerryAppOptions {
  /** @default - the replicate handler of this repository, bundled once for all replications */
  readonly codeDirectory?: string;
  /** @default - the handler for bulk runs of this repository, bundled where a replication wants it */
  readonly bulkCodeDirectory?: string;
  /** @default - the heartbeat handler of this repository, bundled where a replication wants it */
  readonly heartbeatCodeDirectory?: string;
  /** @default - the look-again handler of this repository, bundled where a replication wants it */
  readonly lookAgainCodeDirectory?: string;
}

/**
 * Adds the stacks of `config` to `app`, and the AwsSolutions checks, which stop a synthesis at the
 * first finding that nobody has acknowledged.
 * @throws UsageError when a replication cannot be deployed as configured.
 */
export function buildApp(app: App, config: Config, options: FerryAppOptions = {}): void {
  const code = { ...options, codeDirectory: options.codeDirectory ?? bundledCode() };
  const built = config.replications.map((replication) => {
    const id = `ferry-${replication.name}`;
    const destination = new DestinationStack(app, `${id}-destination`, { replication });
    const source = new SourceStack(app, `${id}-source`, { replication, ...code });
    source.addStackDependency(destination);
    sayWhatKeysMustAllow(source, replication);
    doubtRegions(source, replication);
    return { replication, source };
  });
  deployTwinsFirst(built);
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
}

/** Without it, the deployment fails at a log group, and alarms are sent to nobody. */
function sayWhatKeysMustAllow(source: SourceStack, replication: ReplicationConfig): void {
  for (const [keyArn, statements] of keyPolicies([replication], source.account)) {
    const services = servicePrincipals(statements);
    if (services.length === 0) continue;
    Annotations.of(source).addInfo(
      `The policy of ${keyArn} must let ${services.join(' and ')} use it. "npm run key-policy" prints the statements; docs/customer-keys.md explains them.`,
    );
  }
}

/** AWS adds Regions, so one that is not known is no error. */
function doubtRegions(source: SourceStack, replication: ReplicationConfig): void {
  for (const doubt of regionDoubts(replication)) {
    Annotations.of(source).addWarningV2('ferry:region', `${doubt} Is it mistyped, or new?`);
  }
}

interface Built {
  readonly replication: ReplicationConfig;
  readonly source: SourceStack;
}

/** In a chain, the twin of one replication may be a table that another creates, as its source. */
function deployTwinsFirst(built: readonly Built[]): void {
  const creators = new Map(
    built
      .filter(({ replication }) => replication.source.create)
      .map(({ replication, source }) => [placeOf(replication.source), source] as const),
  );
  for (const { replication, source } of built) {
    const creator = creators.get(placeOf(replication.destination));
    if (creator !== undefined) source.addStackDependency(creator);
  }
}
