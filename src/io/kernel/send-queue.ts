/** Small writes are put together up to this size, and what is larger waits as one piece. */
const CHUNK_BYTES = 16 * 1024;

/** Bytes that wait to be sent, copied: what a peer has not taken. Its bound is the writer's. */
export class SendQueue {
  lengthBytes = 0;
  readonly #chunks: Buffer[] = [];
  /** How much of the first chunk has gone. */
  #goneBytes = 0;
  /** How much of the last chunk is in use. */
  #usedBytes = 0;

  add(text: string, bytes: Buffer, start: number, end: number): void {
    const lengthBytes = text.length + end - start;
    const at = this.#roomFor(lengthBytes);
    const chunk = this.#chunks.at(-1)!;
    if (text !== '') chunk.write(text, at, 'latin1');
    if (end > start) bytes.copy(chunk, at + text.length, start, end);
    this.#usedBytes = at + lengthBytes;
    this.lengthBytes += lengthBytes;
  }

  /** Copies bytes to the front: they had been taken, but could not be sent. */
  putBack(bytes: Buffer): void {
    if (bytes.length === 0) return;
    const [first] = this.#chunks;
    if (first !== undefined && this.#goneBytes > 0) {
      const end = this.#chunks.length === 1 ? this.#usedBytes : first.length;
      this.#chunks[0] = first.subarray(this.#goneBytes, end);
      if (this.#chunks.length === 1) this.#usedBytes = end - this.#goneBytes;
      this.#goneBytes = 0;
    }
    if (first === undefined) this.#usedBytes = bytes.length;
    this.#chunks.unshift(Buffer.from(bytes));
    this.lengthBytes += bytes.length;
  }

  /** Takes the first bytes out. @param lengthBytes at most as many as there are */
  take(into: Buffer, at: number, lengthBytes: number): void {
    let taken = 0;
    while (taken < lengthBytes) {
      const chunk = this.#chunks[0]!;
      const end = this.#chunks.length === 1 ? this.#usedBytes : chunk.length;
      const part = Math.min(end - this.#goneBytes, lengthBytes - taken);
      chunk.copy(into, at + taken, this.#goneBytes, this.#goneBytes + part);
      taken += part;
      this.#goneBytes += part;
      if (this.#goneBytes < end) break;
      this.#chunks.shift();
      this.#goneBytes = 0;
    }
    this.lengthBytes -= lengthBytes;
  }

  /** Makes sure that the last chunk has room. @returns where in it */
  #roomFor(lengthBytes: number): number {
    const last = this.#chunks.at(-1);
    if (last !== undefined) {
      if (this.#usedBytes + lengthBytes <= last.length) return this.#usedBytes;
      // Only the last one may be in use in part.
      this.#chunks[this.#chunks.length - 1] = last.subarray(0, this.#usedBytes);
    }
    // The first one is as small as it can be: most of what waits is one piece.
    const sizeBytes = last === undefined ? lengthBytes : Math.max(lengthBytes, CHUNK_BYTES);
    this.#chunks.push(Buffer.allocUnsafeSlow(sizeBytes));
    return 0;
  }
}
