// What esbuild makes of the sources, in memory: the modules that Node runs, what Lambda runs, and the live page.

import { readFile } from 'node:fs/promises';
import { type BuildOptions, type Plugin, build as bundle, type OutputFile } from 'esbuild';
import { FUNCTION_NAMES, packageFile } from '../src/package-files.ts';

/** For packages that are no ES modules, and ask for Node's own while they are loaded. */
const REQUIRE =
  "import{createRequire}from'node:module';const require=createRequire(import.meta.url);";

const COMMON = {
  // Without it, the tsconfig.json of the current folder would count.
  absWorkingDir: packageFile(''),
  bundle: true,
  format: 'esm',
  logLevel: 'silent',
} as const satisfies BuildOptions;

/** How everything is built that Lambda runs. */
export const FUNCTION_OPTIONS = {
  ...COMMON,
  outExtension: { '.js': '.mjs' },
  splitting: true,
  platform: 'node',
  // The oldest Node that runs the bundle: local mode's, not the function's own.
  target: 'node20',
  mainFields: ['module', 'main'],
  // Names stay as they are, for stack traces; to keep them with `keepNames` would cost a call for every closure.
  minifyWhitespace: true,
  minifySyntax: true,
  legalComments: 'none',
  // The SDK asks for it in browsers only.
  external: ['bowser'],
  banner: { js: REQUIRE },
} as const satisfies BuildOptions;

/** Modules stay modules, for readable stacks: only JSON comes into them. Packages are found at run time. */
const MODULES_APART: Plugin = {
  name: 'modules-apart',
  setup(build) {
    build.onResolve({ filter: /^\.{1,2}\/.*\.ts$/ }, ({ path, kind }) =>
      kind === 'entry-point' ? undefined : { path: path.replace(/\.ts$/, '.js'), external: true },
    );
  },
};

export function buildModules(paths: readonly string[]): Promise<OutputFile[]> {
  return outputOf({
    ...COMMON,
    entryPoints: [...paths],
    outbase: '.',
    outdir: 'dist',
    packages: 'external',
    platform: 'node',
    target: 'node20',
    plugins: [MODULES_APART],
  });
}

/** Definitions that only a file has. */
const OF_FILES = ['defaults', 'sourceDefaults', 'destinationDefaults', 'fleet'];
/** Definitions that only a projection uses. */
const OF_PROJECTIONS = ['attributePath', 'condition', 'hash', 'projectedAttributes', 'typedValue'];
const NOT_IN_FUNCTIONS = ['description', 'examples', 'title', ...OF_FILES, ...OF_PROJECTIONS];

/**
 * A function checks its variable, without prose, and without what the deployment has checked: keys that only a
 * deployment uses, and the rules of a projection.
 */
const FUNCTION_SCHEMA: Plugin = {
  name: 'function-schema',
  setup(build) {
    build.onLoad({ filter: /ferry\.schema\.json$/ }, async ({ path }) => {
      const whole: unknown = JSON.parse(await readFile(path, 'utf8'));
      const contents = JSON.stringify(whole, (name, member: unknown) => {
        if (NOT_IN_FUNCTIONS.includes(name)) return undefined;
        return name.startsWith('encryption') || name === 'projection' ? {} : member;
      });
      return { contents, loader: 'json' };
    });
  },
};

/** Each function with the SDK inside. What it imports only when needed becomes a chunk beside `index.mjs`. */
export function buildFunctions(): Array<Promise<OutputFile[]>> {
  return FUNCTION_NAMES.map((name) =>
    outputOf({
      ...FUNCTION_OPTIONS,
      entryPoints: [{ in: `src/handlers/${name}.ts`, out: 'index' }],
      outdir: `dist/functions/${name}`,
      plugins: [FUNCTION_SCHEMA],
    }),
  );
}

/** Self-contained, so that a browser loads nothing else. */
export function buildPage(): Promise<OutputFile[]> {
  return outputOf({
    ...COMMON,
    entryPoints: ['page.ts', 'page.css', 'page.html', 'icon.svg'].map(
      (name) => `src/local/browser/${name}`,
    ),
    loader: { '.html': 'copy', '.svg': 'copy' },
    outdir: 'dist/page',
    platform: 'browser',
    target: 'es2022',
    minify: true,
    legalComments: 'inline',
  });
}

async function outputOf(options: BuildOptions): Promise<OutputFile[]> {
  const { outputFiles } = await bundle({ ...options, write: false });
  return outputFiles ?? [];
}
