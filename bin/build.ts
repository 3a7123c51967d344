// Builds dist: the modules that Node runs, with their types, what Lambda runs, and the live page. Tests build it
// without types. What is built from the same sources already is not built again.

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { packageFile } from '../src/package-files.ts';
import { buildFunctions, buildModules, buildPage } from './bundles.ts';

interface BuiltFile {
  readonly path: string;
  readonly contents: Uint8Array;
}

const SOURCES = ['bin', 'lib', 'src'];
const SETTINGS = [
  'ferry.schema.json',
  'package-lock.json',
  'package.json',
  'tsconfig.build.json',
  'tsconfig.json',
];
/** They run from their sources only, or are bundled. */
const NOT_SHIPPED =
  /\.d\.ts$|^bin\/(?!app\.ts)|^lib\/(documents\/|release-templates)|^src\/(handlers|local\/browser)\//;
const DIST = packageFile('dist');

/** For vitest, before all tests. */
export async function setup(): Promise<void> {
  await unlessBuilt('modules', async (sources) => {
    const shipped = sources.filter((path) => path.endsWith('.ts') && !NOT_SHIPPED.test(path));
    const parts = [buildModules(shipped), ...buildFunctions(), buildPage()];
    return (await Promise.all(parts)).flat();
  });
}

/** Notes in dist from which sources a part was built. */
async function unlessBuilt(
  part: 'modules' | 'types',
  build: (sources: readonly string[]) => BuiltFile[] | Promise<BuiltFile[]>,
): Promise<void> {
  const sources = filesIn(packageFile(''), SOURCES);
  const hash = createHash('sha256');
  for (const path of [...SETTINGS, ...sources]) {
    hash.update(`${path}\n`).update(readFileSync(packageFile(path)));
  }
  const note = { path: join(DIST, `.${part}`), contents: hash.digest() };
  if (existsSync(note.path) && readFileSync(note.path).equals(note.contents)) return;
  const files = await build(sources);
  files.forEach(replaceFile);
  removeOthers(part, new Set(files.map(({ path }) => relative(DIST, path))));
  replaceFile(note);
}

/** The types of what the package exports. `npm run types` checks them; here they are only written. */
function declarations(): BuiltFile[] {
  const directory = mkdtempSync(join(tmpdir(), 'ferry-types-'));
  try {
    const tsc = packageFile('node_modules/typescript/bin/tsc');
    const options = ['-p', packageFile('tsconfig.build.json'), '--outDir', directory];
    execFileSync(process.execPath, [tsc, ...options], { stdio: 'inherit' });
    return filesIn(directory, ['']).map((path) => ({
      path: join(DIST, path),
      contents: Buffer.from(withBuiltNames(readFileSync(join(directory, path), 'utf8'))),
    }));
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** tsc leaves the names of sources in declarations. */
function withBuiltNames(text: string): string {
  return text.replaceAll(/(?<=(?:from |import\()['"]\.{1,2}\/[^'"]*)\.ts(?=['"])/g, '.js');
}

/** Renamed into place, so that no process reads half of a file. */
function replaceFile({ path, contents }: BuiltFile): void {
  if (existsSync(path) && readFileSync(path).equals(contents)) return;
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(`${path}.${process.pid}`, contents);
  renameSync(`${path}.${process.pid}`, path);
}

/** Functions that were built from earlier sources would be shipped, too. */
function removeOthers(part: 'modules' | 'types', current: ReadonlySet<string>): void {
  for (const path of filesIn(DIST, ['bin', 'functions', 'lib', 'page', 'src'])) {
    const isOfPart = path.endsWith('.d.ts') === (part === 'types');
    if (isOfPart && !current.has(path)) rmSync(join(DIST, path), { force: true });
  }
}

/** @returns paths of files below the folders, in the order of their names. */
function filesIn(root: string, folders: readonly string[]): string[] {
  return folders
    .map((folder) => join(root, folder))
    .filter((folder) => existsSync(folder))
    .flatMap((folder) => readdirSync(folder, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => relative(root, join(entry.parentPath, entry.name)))
    .toSorted();
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await setup();
  await unlessBuilt('types', declarations);
}
