/**
 * Where WebSocket frames end, as far as a proxy has to know it to say a last word between two of
 * them (RFC 6455 §5.2). Payloads are skipped unread, so masks do not matter. A control frame may
 * stand between the fragments of a message (§5.4), so that the end of any frame will do.
 */

const OPCODE_CLOSE = 8;
const MASKED = 0x80;

/** Follows the frames of one direction, over any cutting of its bytes. */
export class FrameFollower {
  /** Bytes of the present frame's header that have come; 0: it has not begun. */
  #headerBytes = 0;
  /** How long that header is; known with its second byte. */
  #headerBytesTotal = 2;
  #lengthBytesEnd = 2;
  #payloadBytesLeft = 0;
  #isClose = false;
  /** A close frame has passed: its sender sends no other. */
  hasClosed = false;

  /** Whether the last byte that was followed ended a frame, or none has come. */
  get isBetweenFrames(): boolean {
    return this.#headerBytes === 0;
  }

  /** Follows all the bytes. */
  follow(bytes: Buffer, start: number, end: number): void {
    let at = start;
    while (at < end) at = this.followFrame(bytes, at, end);
  }

  /** Follows the bytes up to the end of the present frame, or of the bytes. @returns where that is */
  followFrame(bytes: Buffer, start: number, end: number): number {
    let at = start;
    while (at < end && this.#headerBytes < this.#headerBytesTotal) this.#takeHeader(bytes[at++]!);
    if (this.#headerBytes < this.#headerBytesTotal) return at;
    const skipped = Math.min(this.#payloadBytesLeft, end - at);
    this.#payloadBytesLeft -= skipped;
    if (this.#payloadBytesLeft === 0) this.#endFrame();
    return at + skipped;
  }

  #takeHeader(byte: number): void {
    const at = this.#headerBytes++;
    if (at === 0) this.#isClose = (byte & 15) === OPCODE_CLOSE;
    else if (at === 1) {
      const length = byte & 127;
      this.#lengthBytesEnd = length === 126 ? 4 : length === 127 ? 10 : 2;
      this.#headerBytesTotal = this.#lengthBytesEnd + ((byte & MASKED) === 0 ? 0 : 4);
      this.#payloadBytesLeft = length < 126 ? length : 0;
    } else if (at < this.#lengthBytesEnd) {
      this.#payloadBytesLeft = this.#payloadBytesLeft * 256 + byte;
    }
  }

  #endFrame(): void {
    if (this.#isClose) this.hasClosed = true;
    this.#headerBytes = 0;
    this.#headerBytesTotal = 2;
  }
}

/** One direction of a WebSocket: what passes, and whether our own last word is said. */
export class WebSocketDirection {
  readonly #frames = new FrameFollower();
  readonly #sayClose: () => void;
  #isEnding = false;
  /** Nothing more passes. */
  #isCut = false;
  #owesClose = false;

  /** @param sayClose sends a close frame after what has passed; called once at the most */
  constructor(sayClose: () => void) {
    this.#sayClose = sayClose;
  }

  /** Whether the peer that sends here has sent a close frame. */
  get hasClosed(): boolean {
    return this.#frames.hasClosed;
  }

  /** Says the last word, now or after the frame under way. */
  end(): void {
    if (this.#isEnding) return;
    this.#isEnding = true;
    if (this.#frames.isBetweenFrames) this.#cut();
    this.passed();
  }

  /** @returns up to where the bytes pass; what follows our last word is thrown away */
  pass(bytes: Buffer, start: number, end: number): number {
    let at = start;
    if (this.#isEnding && !this.#isCut) {
      at = this.#frames.followFrame(bytes, start, end);
      if (this.#frames.isBetweenFrames) this.#cut();
    }
    this.#frames.follow(bytes, at, end);
    return this.#isEnding ? at : end;
  }

  /** To be called when what passed has been sent. */
  passed(): void {
    if (!this.#owesClose) return;
    this.#owesClose = false;
    this.#sayClose();
  }

  #cut(): void {
    this.#isCut = true;
    // A peer that has closed by itself says no second word.
    this.#owesClose = !this.#frames.hasClosed;
  }
}

/** "going away": the server shuts down, or the client is to go to another (RFC 6455 §7.4.1). */
const GOING_AWAY = 1001;

/** A close frame as a server sends it. */
export function closeFrame(): Buffer {
  return Buffer.from([0x80 | OPCODE_CLOSE, 2, GOING_AWAY >> 8, GOING_AWAY & 255]);
}

/**
 * A close frame as a client sends it.
 *
 * @param mask 32 bits that nobody can predict (RFC 6455 §5.3)
 */
export function maskedCloseFrame(mask: number): Buffer {
  const frame = Buffer.from([0x80 | OPCODE_CLOSE, MASKED | 2, 0, 0, 0, 0, 0, 0]);
  frame.writeUInt32BE(mask >>> 0, 2);
  frame.writeUInt16BE((GOING_AWAY ^ (mask >>> 16)) & 0xffff, 6);
  return frame;
}
