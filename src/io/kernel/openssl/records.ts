/** Type, version and length (RFC 8446 §5.1). */
const HEADER_BYTES = 5;

/**
 * Where the records of one direction begin and end. OpenSSL reads one record at a time and says that
 * it is done by a further call; who counts along needs none, and knows that nothing is left over.
 */
export class Records {
  /** Bytes of the header that were seen; of a record whose header is whole: 0. */
  #headerBytes = 0;
  #lengthBytes = 0;
  /** What is missing of the present record's body. */
  #missingBytes = 0;

  /**
   * @param end behind `start`
   * @returns how many of the bytes belong to the present record
   */
  next(bytes: Buffer, start: number, end: number): number {
    if (this.#missingBytes > 0) return this.#take(0, end - start);
    if (this.#headerBytes === 0 && end - start >= HEADER_BYTES) {
      this.#missingBytes = (bytes[start + 3]! << 8) | bytes[start + 4]!;
      return this.#take(HEADER_BYTES, end - start);
    }
    return this.#nextByHalves(bytes, start, end);
  }

  /** Whether what `next` gave last ends a record. */
  get isWhole(): boolean {
    return this.#missingBytes === 0 && this.#headerBytes === 0;
  }

  #nextByHalves(bytes: Buffer, start: number, end: number): number {
    let at = start;
    while (at < end && this.#headerBytes < HEADER_BYTES) {
      if (this.#headerBytes === 3) this.#lengthBytes = bytes[at]! << 8;
      if (this.#headerBytes === 4) this.#lengthBytes |= bytes[at]!;
      this.#headerBytes += 1;
      at += 1;
    }
    if (this.#headerBytes < HEADER_BYTES) return at - start;
    this.#headerBytes = 0;
    this.#missingBytes = this.#lengthBytes;
    return this.#take(at - start, end - start);
  }

  #take(headerBytes: number, thereBytes: number): number {
    const bodyBytes = Math.min(this.#missingBytes, thereBytes - headerBytes);
    this.#missingBytes -= bodyBytes;
    return headerBytes + bodyBytes;
  }
}
