// What Lambda runs, as `npm run build` made it: synthesis bundles nothing.

import { Code } from 'aws-cdk-lib/aws-lambda';
import { type FunctionName, functionDirectory } from '../src/package-files.ts';

/** Name of the exported function, as Lambda's `handler` setting wants it. */
export const LAMBDA_HANDLER = 'index.handler';

/** @returns the modules of a built function, and nothing else that is beside them. */
export function functionCode(name: FunctionName): Code {
  return Code.fromAsset(functionDirectory(name), { exclude: ['*', '!*.mjs'] });
}
