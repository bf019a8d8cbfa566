import type { Stats } from 'node:fs';
import { type FileHandle, open, rename, rm, stat } from 'node:fs/promises';

/** What waits for a disk that stalls; beyond it lines are dropped and counted. */
const WAITING_BYTES_MAX = 8 * 1024 * 1024;

export interface RotationSettings {
  readonly file: string;
  /** A file that has grown to this size is put aside as FILE.1, the one before as FILE.2. */
  readonly maxBytes: number;
  /** So is one that was begun this long ago, in milliseconds; 0: its age does not count. */
  readonly maxAgeMs: number;
  /** Files put aside that are kept. */
  readonly maxFiles: number;
}

/** It holds what clients sent: readable by its group, for whoever ships it, and by nobody else. */
const MODE = 0o640;
/** Others may put the file aside too: logrotate, or another instance that writes the same one. */
const LOOKS_EVERY_MS = 1000;

/** Some lines that wait to be written. */
interface Piece {
  readonly bytes: Uint8Array;
  readonly lines: number;
  /** Told when they are written or dropped. */
  readonly done: () => void;
}

/** From here on by other settings, and in another file unless it is null. */
interface Move {
  readonly settings: RotationSettings;
  readonly next: OpenFile | null;
}

/** From here on in the file that has the name now. */
const REOPEN = { isReopen: true } as const;
type Waiting = string | Piece | Move | typeof REOPEN;

/**
 * A log file that is put aside when it is full or old. Writing never waits: lines are gathered
 * while the disk works, and dropped where too many would wait.
 */
export class RotatingFile {
  #settings: RotationSettings;
  readonly #nowMs: () => number;
  #current: OpenFile;
  #waiting: Waiting[] = [];
  #waitingBytes = 0;
  #work: Promise<void> | null = null;
  #dropped = 0;
  #lookedMs: number;

  private constructor(settings: RotationSettings, nowMs: () => number, current: OpenFile) {
    this.#settings = settings;
    this.#nowMs = nowMs;
    this.#current = current;
    this.#lookedMs = nowMs();
  }

  /**
   * @param nowMs milliseconds since 1970
   * @throws the file system's error when the file cannot be opened
   */
  static async open(settings: RotationSettings, nowMs: () => number): Promise<RotatingFile> {
    return new RotatingFile(settings, nowMs, await openFile(settings.file, nowMs()));
  }

  /** Lines that were dropped so far. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Takes one line with its end. Returns at once. */
  write(line: string): void {
    if (!this.#hasRoom(line.length, 1)) return;
    this.#enqueue(line);
  }

  /**
   * Takes whole lines as bytes, which are not copied: they are the caller's again once the promise
   * is fulfilled, whether they were written or dropped.
   */
  writeLines(bytes: Uint8Array, lines: number): Promise<void> {
    if (!this.#hasRoom(bytes.length, lines)) return Promise.resolve();
    return new Promise((done) => this.#enqueue({ bytes, lines, done }));
  }

  /**
   * Opens the file that other settings name; `commit` goes on there with the next line, `abandon`
   * leaves everything as it is.
   *
   * @throws the file system's error when it cannot be opened; nothing has changed then
   */
  async prepare(
    settings: RotationSettings,
  ): Promise<{ commit: () => void; abandon: () => Promise<void> }> {
    const isOpen = this.#current.isSame(await stat(settings.file).catch(ignoreMissing));
    const next = isOpen ? null : await openFile(settings.file, this.#nowMs());
    return {
      // In turn: what was taken so far belongs into the file that was named when it was.
      commit: () => this.#enqueue({ settings, next }),
      abandon: async () => next?.handle.close(),
    };
  }

  /** The file was put aside from outside: what comes now goes into the one of its name. */
  reopen(): void {
    this.#enqueue(REOPEN);
  }

  /** Waits until all that was taken is written. */
  async flush(): Promise<void> {
    while (this.#work !== null) await this.#work;
  }

  async close(): Promise<void> {
    await this.flush();
    await this.#current.handle.close();
  }

  #enqueue(one: Waiting): void {
    this.#waiting.push(one);
    this.#work ??= this.#drain();
  }

  #hasRoom(bytes: number, lines: number): boolean {
    if (this.#waitingBytes + bytes > WAITING_BYTES_MAX) {
      this.#dropped += lines;
      return false;
    }
    this.#waitingBytes += bytes;
    return true;
  }

  async #drain(): Promise<void> {
    // What is written in this turn of the event loop goes out together.
    await undefined;
    while (this.#waiting.length > 0) {
      const waiting = this.#waiting;
      this.#waiting = [];
      this.#waitingBytes = 0;
      for (const one of joined(waiting)) {
        if ('bytes' in one) await this.#write(one);
        else if ('next' in one) await this.#move(one);
        else await this.#follow();
      }
    }
    this.#work = null;
  }

  async #write({ bytes, lines, done }: Piece): Promise<void> {
    try {
      await this.#append(bytes);
    } catch {
      // A full or broken disk: the log is not worth ending the service for.
      this.#dropped += lines;
    }
    done();
  }

  async #move({ settings, next }: Move): Promise<void> {
    this.#settings = settings;
    if (next === null) return;
    const before = this.#current;
    this.#current = next;
    await before.handle.close();
  }

  async #append(bytes: Uint8Array): Promise<void> {
    if (this.#nowMs() - this.#lookedMs >= LOOKS_EVERY_MS) await this.#follow();
    if (this.#isDue(bytes.length)) await this.#rotate(bytes.length);
    await this.#current.handle.appendFile(bytes);
    this.#current.bytes += bytes.length;
  }

  /** Goes on in the file that has the name now, where that is another one. */
  async #follow(): Promise<void> {
    this.#lookedMs = this.#nowMs();
    const { file } = this.#settings;
    try {
      const named = await stat(file).catch(ignoreMissing);
      if (this.#current.isSame(named)) this.#current.bytes = named?.size ?? 0;
      else
        await this.#move({ settings: this.#settings, next: await openFile(file, this.#nowMs()) });
    } catch {
      // It cannot be opened: better in the old one than nowhere.
    }
  }

  #isDue(more: number): boolean {
    const { maxBytes, maxAgeMs } = this.#settings;
    const { bytes, begunMs } = this.#current;
    if (bytes === 0) return false;
    if (bytes + more > maxBytes) return true;
    return maxAgeMs > 0 && this.#nowMs() - begunMs >= maxAgeMs;
  }

  /** Where no new file can be made, the old one grows on, and none that was put aside is lost. */
  async #rotate(more: number): Promise<void> {
    await this.#follow();
    if (!this.#isDue(more)) return;
    const { file, maxFiles } = this.#settings;
    let next: OpenFile;
    try {
      next = await openFile(`${file}.next`, this.#nowMs());
    } catch {
      return;
    }
    await rm(`${file}.${maxFiles}`, { force: true });
    for (let number = maxFiles - 1; number >= 1; number--) {
      await rename(`${file}.${number}`, `${file}.${number + 1}`).catch(ignoreMissing);
    }
    await rename(file, `${file}.1`).catch(ignoreMissing);
    await rename(`${file}.next`, file).catch(ignoreMissing);
    await this.#move({ settings: this.#settings, next });
  }
}

interface OpenFile {
  readonly handle: FileHandle;
  bytes: number;
  /** When its first line was written. */
  readonly begunMs: number;
  /** @param other what has a name now, if anything has */
  isSame(other: Stats | undefined): boolean;
}

async function openFile(file: string, nowMs: number): Promise<OpenFile> {
  const handle = await open(file, 'a', MODE);
  const { size, birthtimeMs, mtimeMs, dev, ino } = await handle.stat();
  // Some file systems know no time of birth and say 0.
  const bornMs = birthtimeMs > 0 ? birthtimeMs : mtimeMs;
  return {
    handle,
    bytes: size,
    begunMs: size === 0 ? nowMs : Math.min(bornMs, mtimeMs),
    isSame: (other) => other?.dev === dev && other.ino === ino,
  };
}

/** Single lines that follow each other become one piece. */
function* joined(waiting: readonly Waiting[]): Generator<Exclude<Waiting, string>> {
  let lines: string[] = [];
  for (const one of waiting) {
    if (typeof one === 'string') {
      lines.push(one);
      continue;
    }
    if (lines.length > 0) yield pieceOf(lines);
    lines = [];
    yield one;
  }
  if (lines.length > 0) yield pieceOf(lines);
}

function pieceOf(lines: readonly string[]): Piece {
  return { bytes: Buffer.from(lines.join('')), lines: lines.length, done: () => {} };
}

function ignoreMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
}
