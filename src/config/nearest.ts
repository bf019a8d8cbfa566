/** The known name that was meant by an unknown one, or undefined where none is near. */
export function nearest(name: string, known: readonly string[]): string | undefined {
  const plain = plainName(name);
  if (plain === '') return undefined;
  let best: string | undefined;
  let bestDistance = Number.POSITIVE_INFINITY;
  for (const candidate of known) {
    const other = plainName(candidate);
    if (other === plain) return candidate;
    const allowed = Math.max(1, Math.floor(Math.max(plain.length, other.length) / 3));
    const begins = plain.length >= 4 && (other.startsWith(plain) || plain.startsWith(other));
    const isNear = begins && other.length >= 4;
    // Whatever their letters are; and a name may be a file's whole text.
    if (!isNear && Math.abs(plain.length - other.length) > allowed) continue;
    const distance = isNear ? 1 : editDistance(plain, other);
    if (distance <= allowed && distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** `healthCheck`, `health-check` and `Health_Check` are one name. */
export function plainName(name: string): string {
  return name.toLowerCase().replaceAll(/[^a-z0-9]/g, '');
}

/** Optimal string alignment: insert, delete, replace, and swap of two neighbours cost one each. */
function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const same = a[row - 1] === b[column - 1];
      let cost = Math.min(
        last[column]! + 1,
        current[column - 1]! + 1,
        last[column - 1]! + (same ? 0 : 1),
      );
      if (row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1]) {
        cost = Math.min(cost, beforeLast[column - 2]! + 1);
      }
      current.push(cost);
    }
    beforeLast = last;
    last = current;
  }
  return last[b.length]!;
}
