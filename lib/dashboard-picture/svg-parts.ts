// What the picture is drawn with. All that comes from elsewhere is escaped here.

/** In pixels. */
export interface Box {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

export interface TextLook {
  readonly style?: string;
  readonly anchor?: 'start' | 'middle' | 'end';
}

export function text(
  x: number,
  y: number,
  words: string,
  { style = '', anchor = 'start' }: TextLook = {},
): string {
  const side = anchor === 'start' ? '' : ` text-anchor="${anchor}"`;
  const look = style === '' ? '' : ` class="${style}"`;
  return `<text x="${pixels(x)}" y="${pixels(y)}"${look}${side}>${escaped(words)}</text>`;
}

export function line([x1, y1]: Point, [x2, y2]: Point, attributes: string): string {
  return `<path d="M${pixels(x1)} ${pixels(y1)}L${pixels(x2)} ${pixels(y2)}" ${attributes}/>`;
}

export function rectangle({ left, top, width, height }: Box, attributes: string): string {
  return `<rect x="${pixels(left)}" y="${pixels(top)}" width="${pixels(width)}" height="${pixels(height)}" ${attributes}/>`;
}

export type Point = readonly [x: number, y: number];

export function pixels(value: number): string {
  return String(Math.round(value * 10) / 10);
}

export function escaped(words: string): string {
  return words
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}

/** A guess that errs on the wide side: fonts differ from viewer to viewer. */
export function widthOf(words: string, fontSize: number): number {
  return words.length * fontSize * 0.56;
}
