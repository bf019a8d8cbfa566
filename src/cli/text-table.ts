/** Tables for terminals: columns as wide as they need, the flexible one cut where it must be. */

export interface Column {
  readonly title: string;
  /** Numbers stand to the right. */
  readonly align?: 'left' | 'right';
  /** Gives way first where the table would be too wide. */
  readonly isFlexible?: boolean;
  /** Left out where the table would else be too wide. */
  readonly isSpare?: boolean;
  /** What is cut of it is its middle: of addresses and names in a row the end tells them apart. */
  readonly keepsEnd?: boolean;
}

export interface Cell {
  readonly text: string;
  readonly colour?: Colour;
}

export type Colour = 'red' | 'green' | 'yellow' | 'dim' | 'bold';

const CODES: Readonly<Record<Colour, number>> = { red: 31, green: 32, yellow: 33, dim: 2, bold: 1 };
const GAP = '  ';
const FLEXIBLE_MIN = 12;

/** Puts text in a colour, where colours are wanted. */
export function paint(text: string, colour: Colour | undefined, isColoured: boolean): string {
  return isColoured && colour !== undefined ? `\x1b[${CODES[colour]}m${text}\x1b[0m` : text;
}

interface Bounds {
  /** Columns of the terminal that the table may take. */
  readonly widthMax?: number;
  readonly isColoured?: boolean;
}

export function textTable(
  columns: readonly Column[],
  rows: readonly (readonly (Cell | string)[])[],
  bounds: Bounds = {},
): string {
  const { widthMax = 100, isColoured = false } = bounds;
  const cells = rows.map((row) =>
    row.map((cell): Cell => (typeof cell === 'string' ? { text: cell } : cell)),
  );
  const widths = columns.map(({ title }, at) =>
    Math.max(title.length, ...cells.map((row) => row[at]?.text.length ?? 0)),
  );
  const spare = columns.findLastIndex(({ isSpare }) => isSpare === true);
  if (shrink(columns, widths, widthMax) > 0 && spare !== -1) {
    return textTable(
      columns.toSpliced(spare, 1),
      rows.map((row) => row.toSpliced(spare, 1)),
      bounds,
    );
  }
  const line = (row: readonly Cell[]) =>
    columns
      .map(({ align, keepsEnd }, at) => {
        const { text, colour } = row[at] ?? { text: '' };
        const cut = cutTo(text, widths[at]!, keepsEnd === true);
        const padding = ' '.repeat(widths[at]! - cut.length);
        const painted = paint(cut, colour, isColoured);
        return align === 'right' ? padding + painted : painted + padding;
      })
      .join(GAP)
      .trimEnd();
  const head = line(columns.map(({ title }) => ({ text: title, colour: 'dim' as const })));
  return [head, ...cells.map(line)].join('\n');
}

/**
 * What stands to the right gives way first: names are read before reasons.
 *
 * @returns by how much the table is still too wide
 */
function shrink(columns: readonly Column[], widths: number[], widthMax: number): number {
  const gaps = GAP.length * (widths.length - 1);
  let excess = widths.reduce((sum, width) => sum + width, gaps) - widthMax;
  for (let at = columns.length - 1; at >= 0 && excess > 0; at--) {
    if (columns[at]!.isFlexible !== true) continue;
    const given = Math.min(excess, Math.max(0, widths[at]! - FLEXIBLE_MIN));
    widths[at] = widths[at]! - given;
    excess -= given;
  }
  return excess;
}

function cutTo(text: string, width: number, keepsEnd: boolean): string {
  if (text.length <= width) return text;
  if (!keepsEnd) return `${text.slice(0, width - 1)}…`;
  const head = Math.floor((width - 1) / 3);
  return `${text.slice(0, head)}…${text.slice(text.length - (width - 1 - head))}`;
}
