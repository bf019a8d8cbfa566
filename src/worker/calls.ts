import type { SharedTable } from '../table/table.ts';

/**
 * Hears when another worker calls this one (`SharedTable.wake`), in about a tenth of a millisecond.
 * It keeps no thread alive.
 *
 * @returns stops listening
 */
export function hearCalls(table: SharedTable, lane: number, onCall: () => void): () => void {
  const at = table.atCalls(lane);
  let isOver = false;
  let heard = Atomics.load(table.cells, at);
  const listen = () => {
    if (isOver) return;
    const wait = Atomics.waitAsync(table.cells, at, heard);
    // A call that came since the last look is not slept over: the cell has another value then.
    if (wait.async) wait.value.then(look);
    else setImmediate(look);
  };
  const look = () => {
    if (isOver) return;
    heard = Atomics.load(table.cells, at);
    onCall();
    listen();
  };
  listen();
  return () => {
    isOver = true;
  };
}
