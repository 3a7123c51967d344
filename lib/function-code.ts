// The code of a function: the modules that `npm run build` made, and the module of a projection beside them.

import { DockerImage, FileSystem } from 'aws-cdk-lib';
import { Code } from 'aws-cdk-lib/aws-lambda';
import { copyWithModule, functionDirectory, type FunctionName } from '../src/package-files.ts';

export interface ProjectionModule {
  readonly path: string;
  readonly digest: string;
}

/** Nothing else that is in the folder. */
const MODULES = { exclude: ['*', '!*.mjs'] };

export function functionCode(name: FunctionName, module: ProjectionModule | undefined): Code {
  const directory = functionDirectory(name);
  if (module === undefined) return Code.fromAsset(directory, MODULES);
  return Code.fromAsset(directory, {
    assetHash: FileSystem.fingerprint(directory, { ...MODULES, extraHash: module.digest }),
    bundling: {
      // Required, and never started: files are only copied.
      image: DockerImage.fromRegistry('none'),
      local: {
        tryBundle(output) {
          copyWithModule(name, module.path, output);
          return true;
        },
      },
    },
  });
}
