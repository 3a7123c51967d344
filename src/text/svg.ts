// Pictures as SVG that need nothing else, and read on light and dark grounds.

/** The ground, the ink, and the grid of a plot. */
const STYLE = `
svg { --ground: #ffffff; --ink: #1b1f24; --soft: #57606a; --grid: #e3e6ea;
  font-family: system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; font-size: 13px }
@media (prefers-color-scheme: dark) { svg { --ground: #14171c; --ink: #eceff3; --soft: #a5adb8;
  --grid: #2c323b } }
.ground { fill: var(--ground) } text { fill: var(--ink) } .soft { fill: var(--soft) }
.title { font-size: 17px; font-weight: 600 } .grid { stroke: var(--grid) } .axis { stroke: var(--soft) }`;

export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly title: string;
  /** All of it in words, for who does not see it. */
  readonly words: string;
  readonly style: string;
  readonly parts: readonly string[];
}

export function svgPicture({ width, height, title, words, style, parts }: Picture): string {
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-labelledby="title desc">`,
    `<title id="title">${escaped(title)}</title>`,
    `<desc id="desc">${escaped(words)}</desc>`,
    `<style>${STYLE}${style}</style>`,
    `<rect class="ground" width="${width}" height="${height}"/>`,
    ...parts,
    '</svg>',
    '',
  ].join('\n');
}

export function line(x1: number, y1: number, x2: number, y2: number, attributes: string): string {
  const [a, b, c, d] = [x1, y1, x2, y2].map((value) => value.toFixed(1));
  return `<line x1="${a}" y1="${b}" x2="${c}" y2="${d}" ${attributes}/>`;
}

export function text(x: number, y: number, words: string, style = '', anchor = 'start'): string {
  const place = `x="${x.toFixed(1)}" y="${y.toFixed(1)}"`;
  return `<text ${place} class="${style}" text-anchor="${anchor}">${escaped(words)}</text>`;
}

function escaped(words: string): string {
  return words.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}
