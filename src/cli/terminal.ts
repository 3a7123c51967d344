// Two output streams as a command's world: lines, and a status line that renews itself. A stream that is not
// a terminal gets nothing that only a terminal understands.

import type { Io } from './output.ts';

export interface OutputStream {
  readonly isTTY?: boolean | undefined;
  /** Some terminals report none, or 0. */
  readonly columns?: number | undefined;
  readonly rows?: number | undefined;
  readonly write: (text: string) => unknown;
}

export interface OutputStreams {
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
  readonly environment: Io['environment'];
}

export interface Terminal
  extends Pick<
    Io,
    | 'out'
    | 'err'
    | 'status'
    | 'isTerminal'
    | 'statusColumns'
    | 'resultColumns'
    | 'clear'
    | 'screenRows'
  > {
  /** Takes the status line away, so that the shell's prompt begins a line of its own. */
  readonly end: () => void;
}

const COLUMNS_DEFAULT = 80;
/** Goes to the first line of a cleared screen. */
const CLEAR = '\u001B[2J\u001B[H';
/** A terminal shows Ctrl-C as "^C", behind the status line. */
const ECHO_LENGTH = 2;

export function terminalOf({ stdout, stderr, environment }: OutputStreams): Terminal {
  const isDumb = environment['TERM'] === 'dumb';
  const isTerminal = stderr.isTTY === true && !isDumb;
  const hasScreen = stdout.isTTY === true && !isDumb;
  // NO_COLOR asks for text without escape codes; the status line needs none.
  const mayClear = hasScreen && (environment['NO_COLOR'] ?? '') === '';
  const statusColumns = () => columnsOf(stderr) - 1;
  let shown = '';
  const end = () => {
    const blanks = Math.min(shown.length + ECHO_LENGTH, statusColumns());
    if (shown !== '') stderr.write(`\r${' '.repeat(Math.max(0, blanks))}\r`);
    shown = '';
  };
  const line = (stream: OutputStream) => (text: string) => {
    end();
    stream.write(`${text}\n`);
  };
  return {
    out: line(stdout),
    err: line(stderr),
    status: (text) => {
      const next = text.slice(0, Math.max(0, statusColumns()));
      if (!isTerminal || next === shown) return;
      end();
      stderr.write(next);
      shown = next;
    },
    isTerminal,
    statusColumns,
    resultColumns: () => (stdout.isTTY === true ? columnsOf(stdout) : undefined),
    clear: mayClear
      ? () => {
          end();
          stdout.write(CLEAR);
        }
      : undefined,
    screenRows: () => stdout.rows,
    end,
  };
}

function columnsOf({ columns = 0 }: OutputStream): number {
  return columns > 0 ? columns : COLUMNS_DEFAULT;
}
