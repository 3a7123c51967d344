// The projection of a replication, with what it needs from outside: the keys of its hashes, or its module.

import { readFile } from 'node:fs/promises';
import { isAbsolute } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { Access } from '../aws/access.ts';
import { serviceSettings } from '../aws/client-settings.ts';
import { heartbeatItemKey } from '../config/heartbeat-key.ts';
import { hashRules } from '../config/projection-settings.ts';
import type { ProjectionConfig, ReplicationConfig } from '../config/schema.ts';
import { describeError, FerryError, UsageError } from '../errors.ts';
import type { Projection } from '../model/projection.ts';
import { digestOfModule } from '../projection/digest.ts';
import { exceptItem } from '../projection/except-item.ts';
import type { HashKeys } from '../projection/hash.ts';
import { moduleContext, moduleProjection, thrownText } from '../projection/module-projection.ts';
import { checkModuleText } from '../projection/module-text.ts';
import { rulesProjection } from '../projection/rules-projection.ts';
import { confined, protectBuiltIns } from './confined-module.ts';

/**
 * Of a configuration, for a command.
 * @throws FerryError `projection.module` or `projection.secret`.
 */
export async function operatorProjection(
  replication: ReplicationConfig,
  source: Access,
): Promise<Projection | undefined> {
  return openProjection(replication, source, async (module) => {
    if (isAbsolute(module)) return checkedModule(module);
    throw unfit(
      `The deployed function has the module ${module} as its projection, and this command cannot read it there.`,
      'Use --config with the file that has been deployed.',
    );
  });
}

/** @param urlOf where the module is, by its setting. */
export async function openProjection(
  replication: ReplicationConfig,
  source: Access,
  urlOf: (module: string) => URL | Promise<URL>,
): Promise<Projection | undefined> {
  const { projection: config, heartbeat } = replication;
  if (config === undefined) return undefined;
  const projection =
    config.module === undefined
      ? rulesProjection(config, await readHashKeys(config, source))
      : await loadModule(await urlOf(config.module), replication);
  return heartbeat ? exceptItem(projection, heartbeatItemKey(heartbeat)) : projection;
}

async function loadModule(url: URL, replication: ReplicationConfig): Promise<Projection> {
  const { digest, exports } = await importModule(url);
  const context = moduleContext(replication);
  const { reservedAttribute } = replication;
  return moduleProjection(exports, { digest, context, reservedAttribute, confined });
}

async function checkedModule(path: string): Promise<URL> {
  const url = pathToFileURL(path);
  checkModuleText(await contentsOf(url), path);
  return url;
}

async function contentsOf(url: URL): Promise<Uint8Array> {
  return readFile(url).catch((error: unknown) => {
    throw notLoaded(url, error);
  });
}

async function importModule(url: URL): Promise<{ digest: string; exports: object }> {
  protectBuiltIns();
  const digest = digestOfModule(await contentsOf(url));
  try {
    // Node keeps a module by its URL, also when the file is another one.
    return { digest, exports: (await import(`${url.href}?${digest}`)) as object };
  } catch (error) {
    throw notLoaded(url, error);
  }
}

function notLoaded(url: URL, cause: unknown): FerryError {
  return unfit(
    `The projection's module ${fileURLToPath(url)} cannot be loaded: ${thrownText(cause)}.`,
    'It must be one JavaScript module without imports. A relative path starts from the folder of the configuration file.',
    cause,
  );
}

/** Each secret is read once. */
async function readHashKeys(projection: ProjectionConfig, source: Access): Promise<HashKeys> {
  const keys = new Map<string, string>();
  const nameOf: HashKeys = ({ secret, versionId }) => `${secret} ${versionId}`;
  for (const rule of hashRules({ projection })) {
    const name = nameOf(rule);
    if (!keys.has(name)) keys.set(name, await readHashKey(rule, source));
  }
  return (rule) => keys.get(nameOf(rule)) as string;
}

const KEY_LENGTH_MIN = 16;

async function readHashKey(
  { secret, versionId }: Parameters<HashKeys>[0],
  source: Access,
): Promise<string> {
  // Loaded here: most replications never need it.
  const { secretText } = await import('../aws/secret-value.ts');
  const read = secretText({ secret, versionId }, serviceSettings(source, 'secretsmanager'));
  const text = await read.catch((error: unknown) => {
    // Commands say what to do.
    if (error instanceof Error && error.name === 'CredentialsProviderError') throw error;
    throw unusable(`cannot be read: ${describeError(error)}`, error);
  });
  if (text === undefined) throw unusable('has bytes, and no text');
  if (text.length < KEY_LENGTH_MIN) throw unusable(`has less than ${KEY_LENGTH_MIN} characters`);
  return text;

  function unusable(what: string, cause?: unknown): FerryError {
    return new FerryError(
      `The secret ${secret}, version ${versionId}, which is the key of a hash, ${what}.`,
      {
        code: 'projection.secret',
        hint: 'Correct "secret" and "versionId" of the hash. secretsmanager:GetSecretValue must be allowed, and so must kms:Decrypt with "kmsKeyArn".',
        cause,
      },
    );
  }
}

/** The module is part of the configuration. */
function unfit(message: string, hint: string, cause?: unknown): UsageError {
  return new UsageError(message, { code: 'projection.module', hint, cause });
}
