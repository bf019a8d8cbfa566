/** Which lines of a head go on to the next hop. */
import type { Head } from '../http1/head.ts';
import { NAME } from '../http1/names.ts';
import type { HeadWriter } from '../http1/writer.ts';

export function hasField(head: Head, name: string): boolean {
  for (let index = 0; index < head.fieldCount; index++) {
    if (head.nameEnds[index]! - head.nameStarts[index]! !== name.length) continue;
    if (head.name(index).toLowerCase() === name.toLowerCase()) return true;
  }
  return false;
}

function isLeftOut(head: Head, index: number, leaveOut: number): boolean {
  if ((leaveOut & (1 << head.ids[index]!)) !== 0) return true;
  return head.has(NAME.connection) && head.named[index] === 1;
}

/** Copies the bytes from `start` up to the empty line, without the fields to leave out. */
export function copyLines(writer: HeadWriter, head: Head, start: number, leaveOut: number): void {
  const { bytes, nameStarts, fieldCount } = head;
  let runStart = start;
  if ((head.seen & leaveOut) !== 0) {
    for (let index = 0; index < fieldCount; index++) {
      if (!isLeftOut(head, index, leaveOut)) continue;
      if (nameStarts[index]! > runStart) writer.copy(bytes, runStart, nameStarts[index]!);
      runStart = nameStarts[index + 1]!;
    }
  }
  writer.copy(bytes, runStart, nameStarts[fieldCount]!);
}

/**
 * Moves what stands before each field to leave out over it, so that the rest of the head, from
 * `head.tailStart` on, is in one piece and next to the body. The offsets of fields are void then.
 */
export function closeGaps(head: Head, start: number, leaveOut: number): void {
  const { bytes, nameStarts } = head;
  let tailStart = head.end;
  let runEnd = head.end;
  if ((head.seen & leaveOut) === 0) {
    head.tailStart = start;
    return;
  }
  for (let index = head.fieldCount - 1; index >= 0; index--) {
    if (!isLeftOut(head, index, leaveOut)) continue;
    const runStart = nameStarts[index + 1]!;
    tailStart -= runEnd - runStart;
    if (tailStart !== runStart) bytes.copyWithin(tailStart, runStart, runEnd);
    runEnd = nameStarts[index]!;
  }
  tailStart -= runEnd - start;
  bytes.copyWithin(tailStart, start, runEnd);
  head.tailStart = tailStart;
}
