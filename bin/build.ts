// Builds dist: the modules that Node runs, with their types, what Lambda runs, and the live page. Tests build it
// without types, and once: what is built from the same sources stays as it is.

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
  statSync,
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
const SETTINGS = ['ferry.schema.json', 'package-lock.json', 'package.json', 'tsconfig.json', 'tsconfig.build.json'];
/** They run from their sources only, or are bundled. */
const NOT_SHIPPED =
  /\.d\.ts$|^bin\/(?!app\.ts)|^lib\/documents\/|^src\/(handlers|local\/browser)\//;
const DIST = packageFile('dist');

/** For vitest, before all tests. */
export async function setup(): Promise<void> {
  const files = filesIn(packageFile(''), SOURCES);
  await unlessBuilt('modules', files, async () => {
    const paths = files.filter((path) => path.endsWith('.ts') && !NOT_SHIPPED.test(path));
    const parts = [buildModules(paths), ...buildFunctions(), buildPage()];
    const built = await Promise.allSettled(parts);
    // TEMPORARY, while many edit at once: what can be built is built.
    for (const part of built) {
      if (part.status === 'fulfilled') for (const file of part.value) replaceFile(file);
      else process.stderr.write(`NOT BUILT: ${String(part.reason)}\n`);
    }
    if (built.some(({ status }) => status === 'rejected')) return false;
    const files_ = (await Promise.all(parts)).flat();
    replaceFiles(files_, (name) => !name.endsWith('.d.ts'));
    return true;
  });
}

async function buildAll(): Promise<void> {
  await setup();
  await unlessBuilt('types', filesIn(packageFile(''), SOURCES), () =>
    replaceFiles(declarations(), (name) => name.endsWith('.d.ts')),
  );
}

/** Notes in dist from which sources it was built. */
async function unlessBuilt(
  part: string,
  files: readonly string[],
  work: () => unknown,
): Promise<void> {
  const hash = createHash('sha256');
  for (const path of [...SETTINGS, ...files]) {
    hash.update(`${path}\n`).update(readFileSync(packageFile(path)));
  }
  const digest = hash.digest('hex');
  const note = join(DIST, `.${part}`);
  if (existsSync(note) && readFileSync(note, 'utf8') === digest) return;
  if ((await work()) === false) return;
  replaceFile({ path: note, contents: Buffer.from(digest) });
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

/** Replaces what differs, and removes what earlier sources left. */
function replaceFiles(files: readonly BuiltFile[], isOfThisKind: (name: string) => boolean): void {
  for (const file of files) replaceFile(file);
  const current = new Set(files.map(({ path }) => relative(DIST, path)));
  for (const path of filesIn(DIST, ['bin', 'functions', 'lib', 'page', 'src'])) {
    if (isOfThisKind(path) && !current.has(path)) rmSync(join(DIST, path), { force: true });
  }
}

/** Renamed into place, so that no process reads half of a file. */
function replaceFile({ path, contents }: BuiltFile): void {
  if (existsSync(path) && readFileSync(path).equals(contents)) return;
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(`${path}.${process.pid}`, contents);
  renameSync(`${path}.${process.pid}`, path);
}

/** @returns paths below `folder`, in one order. */
function filesIn(folder: string, parts: readonly string[]): string[] {
  return parts
    .filter((part) => existsSync(join(folder, part)))
    .flatMap((part) =>
      readdirSync(join(folder, part), { recursive: true, encoding: 'utf8' }).map((name) =>
        join(part, name),
      ),
    )
    .filter((path) => statSync(join(folder, path), { throwIfNoEntry: false })?.isFile() === true)
    .toSorted();
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await buildAll();
