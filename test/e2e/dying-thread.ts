/**
 * A script, to be required by openclaw: one of its data threads dies each time that a file is written.
 * Nothing like it is in openclaw itself.
 */
export function dyingThread(file: string): string {
  return `
    const { isMainThread } = require('node:worker_threads');
    if (!isMainThread) {
      const { unlinkSync } = require('node:fs');
      setInterval(() => {
        try { unlinkSync(${JSON.stringify(file)}); } catch { return; }
        throw new Error('ended by a test');
      }, 20).unref();
    }`;
}
