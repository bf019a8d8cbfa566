/** Two ends of a connection in memory: what one writes the other hears when the test says so. */
import { NOBODY, type Stream, type StreamOwner } from '../../../core/ports/stream.ts';

export class LinkEnd implements Stream {
  owner: StreamOwner = NOBODY;
  pendingBytes = 0;
  /** Not destroyed, nor reset. */
  isOpen = true;
  /** What was written and not delivered. */
  sent: Buffer[] = [];
  /** Has said that nothing more comes. */
  hasEnded = false;
  wasReset = false;
  isPaused = false;

  unsentBytes(): number {
    return this.pendingBytes;
  }

  writeText(text: string): void {
    if (this.isOpen) this.sent.push(Buffer.from(text, 'latin1'));
  }

  writeBytes(bytes: Buffer, start: number, end: number): void {
    if (this.isOpen) this.sent.push(Buffer.from(bytes.subarray(start, end)));
  }

  writeTextAndBytes(text: string, bytes: Buffer, start: number, end: number): void {
    this.writeText(text);
    this.writeBytes(bytes, start, end);
  }

  pause(): void {
    this.isPaused = true;
  }

  resume(): void {
    this.isPaused = false;
  }

  end(): void {
    this.hasEnded = true;
  }

  destroy(): void {
    this.isOpen = false;
    this.owner = NOBODY;
  }

  reset(): void {
    this.wasReset = true;
    this.destroy();
  }

  /** @returns all that was written since the last call */
  take(): Buffer {
    const bytes = Buffer.concat(this.sent);
    this.sent = [];
    return bytes;
  }

  hear(bytes: Buffer): void {
    this.owner.onBytes(bytes, 0, bytes.length, 0);
  }
}
