#!/usr/bin/env node
// The ferry command: started by path, by link or as bin/ferry, from any folder. Plain JavaScript that any Node
// understands, so that it can refuse the ones that are too old.

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
  try {
    await import('../dist/src/cli/process.js');
  } catch (error) {
    if (error?.code !== 'ERR_MODULE_NOT_FOUND') throw error;
    const [root] = project.split(`${path.sep}node_modules${path.sep}`);
    refuse('The packages that Ferry needs are not installed.', `Run \`npm ci\` in ${root}.`);
  }
}

function isSupported(version) {
  const [major, minor] = version.split('.').map(Number);
  return major > 20 || (major === 20 && minor >= 19);
}

function refuse(problem, hint) {
  process.stderr.write(`ferry: ${problem}\nHint: ${hint}\n`);
  process.exitCode = 1;
}
