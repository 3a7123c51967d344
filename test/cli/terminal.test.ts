// What reaches the two output streams: escape codes only where a terminal understands them, and no more than
// fits on its lines.

import { describe, expect, it } from 'vitest';
import { fitted, wrapped } from '../../src/cli/output.ts';
import { terminalOf } from '../../src/cli/terminal.ts';

interface Setting {
  readonly outIsTerminal?: boolean;
  readonly errIsTerminal?: boolean;
  readonly columns?: number | undefined;
  readonly environment?: Readonly<Record<string, string>>;
}

function opened({ outIsTerminal, errIsTerminal, columns, environment = {} }: Setting) {
  const written = { out: '', err: '' };
  const terminal = terminalOf({
    stdout: { isTTY: outIsTerminal, columns, write: (text) => (written.out += text) },
    stderr: { isTTY: errIsTerminal, columns, write: (text) => (written.err += text) },
    environment,
  });
  return { terminal, written };
}

/** All that a command may do with its streams. */
function everything(setting: Setting) {
  const { terminal, written } = opened(setting);
  terminal.status('[==] 1 of about 2');
  terminal.out('a result');
  terminal.status('[==] 2 of about 2');
  terminal.err('a remark');
  terminal.clear?.();
  terminal.status('[==] again');
  terminal.end();
  return written;
}

const ESCAPE = '\u001B';
const BOTH = { outIsTerminal: true, errIsTerminal: true };

describe('streams that are not terminals', () => {
  it('get lines, and no status', () => {
    expect(everything({})).toEqual({ out: 'a result\n', err: 'a remark\n' });
  });

  it('get none of what the other one gets', () => {
    expect(everything({ ...BOTH, outIsTerminal: false }).out).toBe('a result\n');
    expect(everything({ ...BOTH, errIsTerminal: false }).err).toBe('a remark\n');
  });
});

describe('terminals', () => {
  it('show the status while there is no more to say, and then take it away', () => {
    const { terminal, written } = opened({ errIsTerminal: true });
    terminal.status('long ago');
    terminal.status('now');
    terminal.err('done');

    const blank = (length: number) => `\r${' '.repeat(length)}\r`;
    expect(written.err).toBe(`long ago${blank(10)}now${blank(5)}done\n`);
  });

  it('are not told the same twice', () => {
    const { terminal, written } = opened({ errIsTerminal: true });
    terminal.status('the same');
    terminal.status('the same');

    expect(written.err).toBe('the same');
  });

  it('are left with a clean line, also when nothing more is said', () => {
    const { terminal, written } = opened({ errIsTerminal: true });
    terminal.status('[==] 1 of about 2');
    terminal.end();
    terminal.end();

    expect(written.err).toMatch(/2\r +\r$/);
  });

  it('are cleared by an escape code on the stream of the result only', () => {
    expect(everything(BOTH).out).toContain(ESCAPE);
    expect(everything(BOTH).err).not.toContain(ESCAPE);
    expect(everything({ ...BOTH, errIsTerminal: false }).out).toContain(ESCAPE);
    expect(everything({ ...BOTH, outIsTerminal: false }).out).not.toContain(ESCAPE);
  });

  it('get no escape codes where NO_COLOR says so, and still a status', () => {
    const written = everything({ ...BOTH, environment: { NO_COLOR: '1' } });

    expect(written.out + written.err).not.toContain(ESCAPE);
    expect(written.err).toContain('[==] 1 of about 2');
  });

  it('get lines only where they are dumb', () => {
    const written = everything({ ...BOTH, environment: { TERM: 'dumb' } });

    expect(written).toEqual({ out: 'a result\n', err: 'a remark\n' });
  });

  it.each([
    [40, 39],
    [80, 79],
    [200, 199],
    [0, 79],
    [undefined, 79],
    [1, 0],
  ])('with %s columns have a status of at most %i', (columns, most) => {
    const { terminal, written } = opened({ errIsTerminal: true, columns });
    terminal.status('x'.repeat(500));

    expect(written.err).toHaveLength(most);
    expect(terminal.statusColumns?.()).toBe(most);
  });

  it('tell their width only to those whose lines they show', () => {
    expect(opened({ outIsTerminal: true, columns: 40 }).terminal.resultColumns?.()).toBe(40);
    expect(opened({ outIsTerminal: true, columns: 0 }).terminal.resultColumns?.()).toBe(80);
    expect(opened({ errIsTerminal: true, columns: 40 }).terminal.resultColumns?.()).toBeUndefined();
  });
});

describe('a line of facts', () => {
  const io = (columns: number) => ({ ...opened({}).terminal, statusColumns: () => columns });
  const line = (columns: number) =>
    fitted(['lag 12 ms', 'dead letters 0', 'a very long fact', 'short'], {
      ...io(columns),
      environment: {},
      interrupted: new AbortController().signal,
    });

  it('keeps the most important ones whole, and fills up with what fits', () => {
    expect(line(200)).toBe('lag 12 ms  dead letters 0  a very long fact  short');
    expect(line(39)).toBe('lag 12 ms  dead letters 0  short');
    expect(line(20)).toBe('lag 12 ms  short');
    expect(line(3)).toBe('lag 12 ms');
  });
});

describe('a wrapped text', () => {
  it('keeps words whole, and loses none', () => {
    const text = 'healthy: the source has had no changes in the last hour';

    expect(wrapped(text, 40)).toEqual([
      'healthy: the source has had no changes',
      'in the last hour',
    ]);
    expect(wrapped(text, 5).join(' ')).toBe(text);
    expect(wrapped(text, 500)).toEqual([text]);
  });
});
