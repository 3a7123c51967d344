// argv -> command -> exit code. Usage errors are explained, refusals come with a hint, and only bugs
// show a stack.

import { FerryError, UsageError } from '../errors.ts';
import { adoptCommand } from './adopt.ts';
import { backfillCommand } from './backfill.ts';
import { type Command, helpOf, parseOptions } from './command.ts';
import { initCommand } from './init.ts';
import { latencyCommand } from './latency.ts';
import { local } from './local.ts';
import { EXIT, type Io } from './output.ts';
import { pauseCommand } from './pause.ts';
import { redriveCommand } from './redrive.ts';
import { repairCommand } from './repair.ts';
import { resumeCommand } from './resume.ts';
import { statusCommand } from './status.ts';
import { teardownCommand } from './teardown.ts';
import { verifyCommand } from './verify.ts';

const COMMANDS: readonly Command[] = [
  initCommand,
  local,
  statusCommand,
  backfillCommand,
  verifyCommand,
  repairCommand,
  redriveCommand,
  adoptCommand,
  pauseCommand,
  resumeCommand,
  teardownCommand,
  latencyCommand,
];

export async function main(argv: readonly string[], io: Io): Promise<number> {
  const [name, ...args] = argv;
  if (name === undefined || name === 'help' || name === '--help') {
    io.out(overview());
    return name === undefined ? EXIT.usage : EXIT.done;
  }
  try {
    const command = COMMANDS.find((candidate) => candidate.name === name);
    if (command === undefined) throw unknownCommand(name);
    if (args.includes('--help')) {
      io.out(helpOf(command));
      return EXIT.done;
    }
    return await command.run(parseOptions(command, args), io);
  } catch (error) {
    return explain(error, io);
  }
}

function overview(): string {
  const width = Math.max(...COMMANDS.map(({ name }) => name.length));
  const rows = COMMANDS.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`);
  return [
    'Usage: ferry COMMAND [options]',
    '',
    ...rows,
    '',
    '`ferry COMMAND --help` lists the options.',
  ].join('\n');
}

function unknownCommand(name: string): UsageError {
  return new UsageError(`There is no command "${name}".`, {
    code: 'usage.command',
    hint: `Commands: ${COMMANDS.map((command) => command.name).join(', ')}.`,
  });
}

function explain(error: unknown, io: Io): number {
  if (isInterruption(error, io)) {
    io.err('ferry: stopped before any work was begun.');
    return EXIT.differences;
  }
  if (error instanceof FerryError) {
    io.err(`ferry: ${error.message}`);
    if (error.hint !== undefined) io.err(`Hint: ${error.hint}`);
    return error instanceof UsageError ? EXIT.usage : EXIT.failed;
  }
  io.err(`ferry: unexpected: ${error instanceof Error ? error.stack : String(error)}`);
  return EXIT.failed;
}

/** Commands say themselves how far they have come, once they are at work. */
function isInterruption(error: unknown, { interrupted }: Io): boolean {
  const cause = error instanceof FerryError ? error.cause : error;
  return interrupted.aborted && cause === interrupted.reason;
}
