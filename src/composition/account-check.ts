// Refuses credentials of another account than the configuration names, before anything is done with them.

import type { Access } from '../aws/access.ts';
import { callerAccount } from '../aws/caller-account.ts';
import { type Identity, identityText, reachOf, type Side } from '../config/identity.ts';
import { FerryError, requestOf } from '../errors.ts';
import { failureStory } from '../failures/failure-story.ts';
import { type Environment, keyringOf } from './keyring.ts';

export interface Checked {
  readonly side: Side;
  readonly region: string;
  /** Undefined where the configuration names none. */
  readonly account?: string | undefined;
  readonly identity: Identity;
}

/**
 * @param access whose credentials they are, and in which Region STS is asked.
 * @throws FerryError `access.account`, or `access.unknown` where it cannot be found out.
 */
export async function requireAccount(
  checked: Checked,
  { region, credentials }: Access,
  environment: Environment,
): Promise<void> {
  const { account, identity } = checked;
  // The ARN of a role has its account.
  if (account === undefined || identity.kind === 'role') return;
  const key = `${region} ${identityText(identity)}`;
  const ask = () => callerAccount({ region, credentials });
  const asked = keyringOf(environment).account(key, ask);
  const found = await asked.catch((cause: unknown) => {
    throw unknownAccount(checked, cause);
  });
  if (found === account) return;
  throw new FerryError(
    `The ${checked.side} is in account ${account} (${checked.region}), but sts:GetCallerIdentity in ${region} returns account ${found} for ${identityText(identity)}.`,
    { code: 'access.account', hint: hintFor(checked) },
  );
}

function unknownAccount({ side, account, region, identity }: Checked, cause: unknown): unknown {
  const request = requestOf(cause);
  const story = failureStory(cause, {
    request,
    reach: reachOf(side, identity),
    roleOf: () => undefined,
  });
  if (story === undefined) return cause;
  const message = `It is not known whether the credentials of the ${side} are of account ${account} (${region}). ${story.happened}`;
  return new FerryError(message, { code: 'access.unknown', hint: story.advice, cause });
}

function hintFor({ side, account, identity: { kind } }: Checked): string {
  if (kind === 'profile')
    return `Correct "${side}.profile" or "${side}.account" in the configuration.`;
  if (kind === 'secret')
    return `Put access keys of account ${account} into the secret, or correct "${side}.account".`;
  return side === 'source'
    ? `Choose credentials of account ${account} with AWS_PROFILE, or name a profile in "source.profile".`
    : `Name a profile of account ${account} in "destination.profile". Or set "operatorRole": true, deploy, and let the commands assume roles.`;
}
