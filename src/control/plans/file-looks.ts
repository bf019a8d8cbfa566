import { statSync } from 'node:fs';

/** How files looked when last read, to tell whether to read them again. */
export class FileLooks {
  #seen: ReadonlyMap<string, string>;
  /** How they looked a moment ago. */
  #glimpsed: ReadonlyMap<string, string>;

  /** @param files that are read next */
  constructor(files: readonly string[]) {
    this.#seen = looksOf(files);
    this.#glimpsed = this.#seen;
  }

  /** These are read next too, as far as they are not known. */
  add(files: readonly string[]): void {
    const fresh = looksOf(files.filter((file) => !this.#seen.has(file)));
    this.#seen = new Map([...this.#seen, ...fresh]);
    this.#glimpsed = new Map([...this.#glimpsed, ...fresh]);
  }

  /** Forgets all but these. */
  keep(files: readonly string[]): void {
    const kept = new Set(files);
    this.#seen = new Map([...this.#seen].filter(([file]) => kept.has(file)));
  }

  /** Whether one was replaced or changed since it was read. */
  get haveChanged(): boolean {
    return !isSame(this.#seen, looksOf([...this.#seen.keys()]));
  }

  /** Whether one has changed and is now stable; reported once. Call it periodically. */
  takeChange(): boolean {
    const looks = looksOf([...this.#seen.keys()]);
    const isAtRest = isSame(looks, this.#glimpsed);
    this.#glimpsed = looks;
    if (!isAtRest || isSame(looks, this.#seen)) return false;
    this.#seen = looks;
    return true;
  }
}

/** What shows whether a file was replaced or changed. */
function looksOf(files: readonly string[]): ReadonlyMap<string, string> {
  return new Map(
    files.map((file) => {
      try {
        const { dev, ino, size, mtimeMs } = statSync(file);
        return [file, `${dev}:${ino}:${size}:${mtimeMs}`];
      } catch (error) {
        // A folder that may be searched no more is a change too; whoever reads the file says why.
        return [file, (error as NodeJS.ErrnoException).code ?? '-'];
      }
    }),
  );
}

function isSame(one: ReadonlyMap<string, string>, other: ReadonlyMap<string, string>): boolean {
  return [...one].every(([file, look]) => other.get(file) === look);
}
