/** File descriptors of this process, from Linux's /proc; undefined on other systems. */
import { readdirSync, readFileSync } from 'node:fs';

/** The soft limit on open files, which Node has raised to the hard one; undefined: not Linux. */
export function descriptorLimit(): number | undefined {
  try {
    const soft = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1];
    return soft === undefined ? undefined : Number(soft);
  } catch {
    return undefined;
  }
}

/**
 * Each open connection is one: with many of them this takes some milliseconds. Infinity where not
 * even one was left to count them by.
 */
export function openDescriptors(): number | undefined {
  try {
    return readdirSync('/proc/self/fd').length;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code === 'EMFILE' || code === 'ENFILE' ? Infinity : undefined;
  }
}
