// Bytes in the encoding "aws-chunked" -> the object's bytes and the trailers behind them. The SDK uses it
// for streams, whose checksum is known only at the end.

import { S3Error } from './error.ts';

interface ChunkedBody {
  readonly bytes: Buffer;
  /** By name, in lower case. */
  readonly trailers: Readonly<Record<string, string>>;
}

/** @throws S3Error `IncompleteBody` for anything but whole chunks, a last one and whole trailers. */
export function decodeChunked(wire: Buffer): ChunkedBody {
  const chunks: Buffer[] = [];
  let position = 0;
  const takeLine = () => {
    const end = wire.indexOf('\r\n', position);
    if (end === -1) throw incomplete(position);
    const line = wire.toString('latin1', position, end);
    position = end + 2;
    return line;
  };
  for (let size = chunkSize(takeLine()); size > 0; size = chunkSize(takeLine())) {
    chunks.push(wire.subarray(position, position + size));
    position += size;
    // Of a chunk that is cut off, nothing is left to be the line's end.
    if (takeLine() !== '') throw incomplete(position);
  }
  const trailers: [string, string][] = [];
  for (let line = takeLine(); line !== ''; line = takeLine()) trailers.push(parseTrailer(line));
  if (position !== wire.length) throw incomplete(position);
  return { bytes: Buffer.concat(chunks), trailers: Object.fromEntries(trailers) };
}

/** Signed chunks have their signature behind the size; signatures are not checked. */
function chunkSize(line: string): number {
  const digits = /^([\da-f]{1,8})(;.*)?$/i.exec(line)?.[1];
  if (digits === undefined) {
    throw new S3Error('IncompleteBody', `A chunk cannot begin with "${line.slice(0, 80)}".`);
  }
  return Number.parseInt(digits, 16);
}

function parseTrailer(line: string): [string, string] {
  const [, name, value] = /^([\w-]+):(.*)$/.exec(line) ?? [];
  if (name !== undefined && value !== undefined) return [name.toLowerCase(), value.trim()];
  throw new S3Error(
    'MalformedTrailerError',
    'The request contained trailing data that was not well-formed or did not conform to our published schema.',
  );
}

function incomplete(position: number): S3Error {
  return new S3Error('IncompleteBody', `The chunks of the body do not add up at byte ${position}.`);
}
