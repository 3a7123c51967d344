// Refuses credentials of another account than the configuration names, before anything is done with them.

import type { Access, CredentialSource } from '../aws/access.ts';
import { type Caller, callerOf } from '../aws/caller-account.ts';
import { findCredentials, keptCredentials } from '../aws/credential-source.ts';
import { inEitherRegion } from '../aws/either-region.ts';
import { systemClock } from '../aws/system-clock.ts';
import { type Identity, identityText, reachOf, type Side } from '../config/identity.ts';
import { FerryError, requestOf } from '../errors.ts';
import { failureStory } from '../failures/failure-story.ts';
import { type Environment, keyring } from './keyring.ts';
import { openOnce } from './open-once.ts';

/** A failed question is asked again. */
const accountOf = keyring<() => Promise<Caller>>();

interface Checked {
  readonly side: Side;
  /** Undefined where the configuration names none. */
  readonly account: string | undefined;
  readonly identity: Identity;
  readonly access: Access;
  /** Where STS is asked. */
  readonly region: string;
  /** The same if it does not answer there. */
  readonly otherRegion: string | undefined;
  readonly environment: Environment;
}

/**
 * While STS does not tell it, the credentials are not given to any request: what goes without this side goes on.
 * @throws FerryError `access.account`.
 */
export async function checkedAccess(checked: Checked): Promise<Access> {
  const { access, account, identity } = checked;
  // The ARN of a role has its account.
  if (account === undefined || identity.kind === 'role') return access;
  try {
    await requireAccount(checked);
    return access;
  } catch (error) {
    if (!(error instanceof FerryError) || error.code !== 'access.unknown') throw error;
    return { ...access, credentials: onceChecked(checked) };
  }
}

function onceChecked(checked: Checked): CredentialSource {
  const find = () => findCredentials({});
  const source = checked.access.credentials ?? keptCredentials({ find, clock: systemClock });
  return { ...source, get: () => requireAccount(checked).then(() => source.get()) };
}

/** @throws FerryError `access.account`, or `access.unknown` where it cannot be found out. */
async function requireAccount(checked: Checked): Promise<void> {
  const { side, account, identity, access, region, otherRegion: other, environment } = checked;
  const { credentials } = access;
  const key = `${region} ${identityText(identity)}`;
  const askIn = (at: string) => callerOf({ region: at, credentials });
  const ask = () => inEitherRegion(askIn, { region, other });
  const asked = accountOf(environment, key, () => openOnce(ask));
  const { account: found } = await asked().catch((cause: unknown) => {
    throw unknownAccount(checked, cause);
  });
  if (found === account) return;
  throw new FerryError(
    `The ${side} is in account ${account} (${access.region}), but sts:GetCallerIdentity in ${region} returns account ${found} for ${identityText(identity)}.`,
    { code: 'access.account', hint: hintFor(checked) },
  );
}

function unknownAccount({ side, account, access, identity }: Checked, cause: unknown): unknown {
  const reach = reachOf(side, identity);
  const story = failureStory(cause, { request: requestOf(cause), reach, roleOf: () => undefined });
  if (story === undefined) return cause;
  const message = `It is not known whether the credentials of the ${side} are of account ${account} (${access.region}). ${story.happened}`;
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
