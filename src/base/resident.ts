let lastBytes = 0;

/**
 * Resident memory of the process in bytes; what it was the last time where it cannot be read: that
 * takes a file descriptor, and there may be none left.
 */
export function residentBytes(): number {
  try {
    lastBytes = process.memoryUsage.rss();
  } catch {}
  return lastBytes;
}
