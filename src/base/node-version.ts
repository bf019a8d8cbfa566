/** The oldest Node that openclaw is tested with; package.json says the same under `engines`. */
export const NODE_MAJOR_MIN = 24;

/**
 * @param version as in `process.version`
 * @returns what to tell whoever started it, or '' where it is new enough
 */
export function whyTooOld(version: string): string {
  const major = Number(version.replace(/^v/, '').split('.')[0]);
  if (major >= NODE_MAJOR_MIN) return '';
  return (
    `error: openclaw needs Node ${NODE_MAJOR_MIN} or newer, this is ${version}\n` +
    '  help: install a newer one, https://nodejs.org/en/download, and make sure it comes first in PATH: node --version\n'
  );
}
