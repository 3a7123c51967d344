// The code of a function: the modules that `npm run build` made, and the module of a projection beside them.

import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { DockerImage, FileSystem } from 'aws-cdk-lib';
import { Code } from 'aws-cdk-lib/aws-lambda';
import type { ReplicationConfig } from '../src/config/schema.ts';
import { FerryError, UsageError } from '../src/errors.ts';
import { copyWithModule, functionDirectory, type FunctionName } from '../src/package-files.ts';
import { digestOfModule, digestOfRules } from '../src/projection/digest.ts';
import { BUNDLE_HINT, checkModuleText } from '../src/projection/module-text.ts';

/** What a deployment knows of a projection. */
export interface DeployedProjection {
  readonly digest: string;
  /** Path of its file. */
  readonly module?: string | undefined;
}

/** @throws UsageError `projection.module` when a function could not load it. */
export function projectionOf({
  name,
  projection,
}: ReplicationConfig): DeployedProjection | undefined {
  if (projection === undefined) return undefined;
  const { module } = projection;
  if (module === undefined) return { digest: digestOfRules(projection) };
  return { digest: digestOfModule(moduleBytes(name, module)), module };
}

function moduleBytes(replication: string, path: string): Uint8Array {
  const refused = (message: string, hint: string | undefined, cause: Error) =>
    new UsageError(`The projection of ${replication}: ${message}`, {
      code: 'projection.module',
      ...(hint !== undefined && { hint }),
      cause,
    });
  try {
    const bytes = readFileSync(path);
    checkModuleText(bytes, path);
    requireSyntax(path);
    return bytes;
  } catch (error) {
    if (error instanceof FerryError) throw refused(error.message, error.hint, error);
    const hint = 'A relative path starts from the folder of the configuration file.';
    throw refused(`${path} cannot be read: ${(error as Error).message}.`, hint, error as Error);
  }
}

/** Only Node itself knows what it can parse. It runs nothing of the module. */
function requireSyntax(path: string): void {
  const env = { ...process.env, NODE_OPTIONS: '' };
  const { stderr } = spawnSync(process.execPath, ['--check', path], { env, encoding: 'utf8' });
  const [problem] = /^SyntaxError: .*$/m.exec(stderr) ?? [];
  if (problem === undefined) return;
  const [, line] = /^.*:(\d+)$/m.exec(stderr) ?? [];
  throw new FerryError(`${path}, line ${line}, is not JavaScript: ${problem}.`, {
    code: 'projection.module',
    hint: BUNDLE_HINT,
  });
}

/** Nothing else that is in the folder. */
const MODULES = { exclude: ['*', '!*.mjs'] };

/** These functions make twin items of source items. */
const PROJECTING: readonly FunctionName[] = ['replicate', 'bulk-segment'];

export function functionCode(name: FunctionName, projection: DeployedProjection | undefined): Code {
  const { digest = '', module } = projection ?? {};
  const directory = functionDirectory(name);
  if (module === undefined || !PROJECTING.includes(name)) return Code.fromAsset(directory, MODULES);
  return Code.fromAsset(directory, {
    assetHash: FileSystem.fingerprint(directory, { ...MODULES, extraHash: digest }),
    bundling: {
      // Required, and never started: files are only copied.
      image: DockerImage.fromRegistry('none'),
      local: {
        tryBundle(output) {
          copyWithModule(name, module, output);
          return true;
        },
      },
    },
  });
}
