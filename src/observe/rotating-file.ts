import { type FileHandle, open, rename, rm } from 'node:fs/promises';

/** What waits for a disk that stalls; beyond it lines are dropped and counted. */
const WAITING_BYTES_MAX = 8 * 1024 * 1024;

export interface RotationSettings {
  readonly file: string;
  /** A file that has grown to this size is put aside as FILE.1, the one before as FILE.2. */
  readonly maxBytes: number;
  /** Files put aside that are kept. */
  readonly maxFiles: number;
}

/** It holds what clients sent: readable by its group, for whoever ships it, and by nobody else. */
const MODE = 0o640;

/**
 * A log file that is put aside when it is full. Writing never waits: lines are gathered while the
 * disk works, and dropped where too many would wait.
 */
export class RotatingFile {
  readonly #settings: RotationSettings;
  readonly #onDrop: (lines: number) => void;
  #handle: FileHandle;
  #bytes: number;
  #waiting: string[] = [];
  #waitingBytes = 0;
  #work: Promise<void> | null = null;
  #dropped = 0;

  private constructor(
    settings: RotationSettings,
    onDrop: (lines: number) => void,
    handle: FileHandle,
    bytes: number,
  ) {
    this.#settings = settings;
    this.#onDrop = onDrop;
    this.#handle = handle;
    this.#bytes = bytes;
  }

  /**
   * @param onDrop hears how many lines were dropped
   * @throws the file system's error when the file cannot be opened
   */
  static async open(
    settings: RotationSettings,
    onDrop: (lines: number) => void = () => {},
  ): Promise<RotatingFile> {
    const handle = await open(settings.file, 'a', MODE);
    return new RotatingFile(settings, onDrop, handle, (await handle.stat()).size);
  }

  /** Lines that were dropped so far. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Takes one line with its end. Returns at once. */
  write(line: string): void {
    if (this.#waitingBytes + line.length > WAITING_BYTES_MAX) {
      this.#dropped += 1;
      this.#onDrop(1);
      return;
    }
    this.#waiting.push(line);
    this.#waitingBytes += line.length;
    this.#work ??= this.#drain();
  }

  /** Waits until all that was taken is written. */
  async flush(): Promise<void> {
    while (this.#work !== null) await this.#work;
  }

  async close(): Promise<void> {
    await this.flush();
    await this.#handle.close();
  }

  async #drain(): Promise<void> {
    // What is written in this turn of the event loop goes out together.
    await undefined;
    while (this.#waiting.length > 0) {
      const lines = this.#waiting;
      this.#waiting = [];
      this.#waitingBytes = 0;
      try {
        await this.#append(lines);
      } catch {
        // A full or broken disk: the log is not worth ending the service for.
        this.#dropped += lines.length;
        this.#onDrop(lines.length);
      }
    }
    this.#work = null;
  }

  async #append(lines: readonly string[]): Promise<void> {
    const bytes = Buffer.from(lines.join(''));
    if (this.#bytes > 0 && this.#bytes + bytes.length > this.#settings.maxBytes) {
      await this.#rotate();
    }
    await this.#handle.appendFile(bytes);
    this.#bytes += bytes.length;
  }

  async #rotate(): Promise<void> {
    const { file, maxFiles } = this.#settings;
    await rm(`${file}.${maxFiles}`, { force: true });
    for (let number = maxFiles - 1; number >= 1; number--) {
      await rename(`${file}.${number}`, `${file}.${number + 1}`).catch(ignoreMissing);
    }
    await rename(file, `${file}.1`).catch(ignoreMissing);
    const full = this.#handle;
    this.#handle = await open(file, 'a', MODE);
    this.#bytes = 0;
    await full.close();
  }
}

function ignoreMissing(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOENT') throw error;
}
