import { statSync } from 'node:fs';

/** How files looked when they were last read: whether to read them anew is seen by that. */
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

  /** Whether one is another file, or has another text, than when it was read. */
  get haveChanged(): boolean {
    return !isSame(this.#seen, looksOf([...this.#seen.keys()]));
  }

  /** Whether one has changed and come to rest; told once. To be called time and again. */
  takeChange(): boolean {
    const looks = looksOf([...this.#seen.keys()]);
    const isAtRest = isSame(looks, this.#glimpsed);
    this.#glimpsed = looks;
    if (!isAtRest || isSame(looks, this.#seen)) return false;
    this.#seen = looks;
    return true;
  }
}

/** What tells whether a file is another one, or another text, than before. */
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
