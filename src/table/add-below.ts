/**
 * Adds one to a cell that is below `most`. Not by an addition that is taken back where it was too
 * much: for that moment it would refuse others wrongly.
 *
 * @returns false where it is not below
 */
export function addBelow(cells: Int32Array, at: number, most: number): boolean {
  let held = Atomics.load(cells, at);
  while (held < most) {
    const before = Atomics.compareExchange(cells, at, held, held + 1);
    if (before === held) return true;
    held = before;
  }
  return false;
}
