#!/usr/bin/env node
// The ferry command: started by path, by link or as bin/ferry, from any folder. Plain JavaScript that any Node
// understands, because the packages that read TypeScript are found beside this file, never in the current folder.

const path = require('node:path');

const project = path.join(__dirname, '..');

void start();

async function start() {
  if (!isSupported(process.versions.node)) {
    refuse(
      `Ferry needs Node 20.19 or later; this is Node ${process.versions.node}.`,
      'Install a later Node, and run `npm ci` again.',
    );
    return;
  }
  const tsx = await findTsx();
  // Without it, the tsconfig.json of the current folder would count.
  tsx?.register({ tsconfig: path.join(project, 'tsconfig.json') });
  if (tsx !== undefined) await import('../src/cli/process.ts');
}

function isSupported(version) {
  const [major, minor] = version.split('.').map(Number);
  return major > 20 || (major === 20 && minor >= 19);
}

async function findTsx() {
  try {
    return await import('tsx/esm/api');
  } catch (error) {
    if (error?.code !== 'ERR_MODULE_NOT_FOUND') throw error;
    refuse('The packages that Ferry needs are not installed.', `Run \`npm ci\` in ${project}.`);
    return undefined;
  }
}

function refuse(problem, hint) {
  process.stderr.write(`ferry: ${problem}\nHint: ${hint}\n`);
  process.exitCode = 1;
}
