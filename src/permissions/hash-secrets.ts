// The secrets whose texts are the keys of `hash` rules: each in its one version, for functions and commands that open a
// projection.

import { hashRules } from '../config/projection-settings.ts';
import type { HashRule } from '../config/schema-projection.ts';
import type { ReplicationConfig } from '../config/schema.ts';
import type { Arns } from './arns.ts';
import { usingKeys } from './key-use.ts';
import { merged, type Statement } from './statement.ts';

/** To read them, and to decrypt them with the customer managed keys that the rules name. */
export function readHashSecrets(replication: ReplicationConfig, arns: Arns): Statement[] {
  const { ofHashSecrets } = usingKeys(replication, arns);
  return merged([...hashRules(replication).map(ofVersion), ...ofHashSecrets]);
}

function ofVersion({ secret, versionId }: HashRule): Statement {
  return {
    place: 'hashSecret',
    resource: secret,
    actions: ['secretsmanager:GetSecretValue'],
    conditions: { StringEquals: { 'secretsmanager:VersionId': versionId } },
  };
}
