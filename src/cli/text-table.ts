/** Tables for terminals: columns as wide as they need, the flexible one cut where it must be. */

export interface Column {
  readonly title: string;
  /** Numbers stand to the right. */
  readonly align?: 'left' | 'right';
  /** Gives way first where the table would be too wide. */
  readonly isFlexible?: boolean;
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

/** @param widthMax columns of the terminal that the table may take */
export function textTable(
  columns: readonly Column[],
  rows: readonly (readonly (Cell | string)[])[],
  { widthMax = 100, isColoured = false }: { widthMax?: number; isColoured?: boolean } = {},
): string {
  const cells = rows.map((row) =>
    row.map((cell): Cell => (typeof cell === 'string' ? { text: cell } : cell)),
  );
  const widths = columns.map(({ title }, at) =>
    Math.max(title.length, ...cells.map((row) => row[at]?.text.length ?? 0)),
  );
  shrink(columns, widths, widthMax);
  const line = (row: readonly Cell[]) =>
    columns
      .map(({ align }, at) => {
        const { text, colour } = row[at] ?? { text: '' };
        const cut = cutTo(text, widths[at]!);
        const padding = ' '.repeat(widths[at]! - cut.length);
        const painted = paint(cut, colour, isColoured);
        return align === 'right' ? padding + painted : painted + padding;
      })
      .join(GAP)
      .trimEnd();
  const head = line(columns.map(({ title }) => ({ text: title, colour: 'dim' as const })));
  return [head, ...cells.map(line)].join('\n');
}

/** What stands to the right gives way first: names are read before reasons. */
function shrink(columns: readonly Column[], widths: number[], widthMax: number): void {
  const gaps = GAP.length * (widths.length - 1);
  let excess = widths.reduce((sum, width) => sum + width, gaps) - widthMax;
  for (let at = columns.length - 1; at >= 0 && excess > 0; at--) {
    if (columns[at]!.isFlexible !== true) continue;
    const given = Math.min(excess, Math.max(0, widths[at]! - FLEXIBLE_MIN));
    widths[at] = widths[at]! - given;
    excess -= given;
  }
}

function cutTo(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, width - 1)}…`;
}
