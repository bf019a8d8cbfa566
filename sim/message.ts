/**
 * HTTP/1.1 as the simulated clients and servers read it: a reader of its own, so that a mistake in
 * the core's codec cannot hide behind the same mistake here. It is strict, for what openclaw
 * writes has to be well formed.
 */

export interface MessageHead {
  /** The request line or status line. */
  readonly line: string;
  readonly status: number;
  /** By name in lower case; values of one name joined by a comma. */
  readonly fields: ReadonlyMap<string, string>;
}

/** Bytes of the body; `close`: up to the end of the connection. `raw`: no messages follow. */
export type BodyForm = number | 'chunked' | 'close' | 'raw';

export interface MessageOwner {
  /** @returns how its body ends; 0 for a head that has none */
  onHead(head: MessageHead): BodyForm;
  onBody(bytes: Buffer, start: number, end: number): void;
  onMessageEnd(trailers: ReadonlyMap<string, string>): void;
  onBad(reason: string): void;
}

const LINE_BYTES_MAX = 64 * 1024;
const NO_FIELDS: ReadonlyMap<string, string> = new Map();

export class MessageReader {
  readonly #owner: MessageOwner;
  #state: 'head' | 'length' | 'size' | 'data' | 'dataEnd' | 'trailers' | 'close' | 'raw' | 'bad' =
    'head';
  #text = '';
  #remaining = 0;

  constructor(owner: MessageOwner) {
    this.#owner = owner;
  }

  /** Whether a head or a body is half read. */
  get isPartial(): boolean {
    return this.#state === 'head' ? this.#text !== '' : this.#state !== 'raw';
  }

  push(bytes: Buffer, start: number, end: number): void {
    let at = start;
    while (at < end && this.#state !== 'bad') at = this.#take(bytes, at, end);
  }

  /** The connection ended properly. @returns whether that ended a message, or none was open */
  end(): boolean {
    if (this.#state === 'close') {
      this.#finish(NO_FIELDS);
      return true;
    }
    return !this.isPartial;
  }

  #take(bytes: Buffer, start: number, end: number): number {
    switch (this.#state) {
      case 'head':
        return this.#takeLines(bytes, start, end, () => this.#headCame());
      case 'length':
      case 'data': {
        const upTo = Math.min(end, start + this.#remaining);
        this.#remaining -= upTo - start;
        this.#owner.onBody(bytes, start, upTo);
        if (this.#remaining > 0) return upTo;
        if (this.#state === 'length') this.#finish(NO_FIELDS);
        else if (this.#state === 'data') this.#state = 'dataEnd';
        return upTo;
      }
      case 'dataEnd':
      case 'size':
        return this.#takeLine(bytes, start, end);
      case 'trailers':
        return this.#takeLines(bytes, start, end, () => this.#trailersCame());
      default:
        this.#owner.onBody(bytes, start, end);
        return end;
    }
  }

  /** Up to and with an empty line. */
  #takeLines(bytes: Buffer, start: number, end: number, onWhole: () => void): number {
    for (let at = start; at < end; at++) {
      this.#text += String.fromCharCode(bytes[at]!);
      if (this.#text.endsWith('\r\n\r\n') || this.#text === '\r\n') {
        onWhole();
        return at + 1;
      }
    }
    if (this.#text.length > LINE_BYTES_MAX) this.#bad('a head without end');
    return end;
  }

  #takeLine(bytes: Buffer, start: number, end: number): number {
    for (let at = start; at < end; at++) {
      this.#text += String.fromCharCode(bytes[at]!);
      if (!this.#text.endsWith('\r\n')) continue;
      const line = this.#text.slice(0, -2);
      this.#text = '';
      if (this.#state === 'dataEnd') {
        if (line !== '') this.#bad(`a chunk that is followed by ${JSON.stringify(line)}`);
        else this.#state = 'size';
      } else this.#sizeCame(line);
      return at + 1;
    }
    if (this.#text.length > LINE_BYTES_MAX) this.#bad('a chunk line without end');
    return end;
  }

  #sizeCame(line: string): void {
    const match = /^([0-9a-f]+)(?:;[\x20-\x7e]*)?$/i.exec(line);
    if (match === null) return this.#bad(`a chunk size ${JSON.stringify(line.slice(0, 80))}`);
    this.#remaining = Number.parseInt(match[1]!, 16);
    this.#state = this.#remaining === 0 ? 'trailers' : 'data';
  }

  #trailersCame(): void {
    const lines = this.#text.split('\r\n').slice(0, -2);
    this.#text = '';
    const fields = fieldsOf(lines);
    if (fields === undefined) this.#bad('malformed trailers');
    else this.#finish(fields);
  }

  #headCame(): void {
    const lines = this.#text.split('\r\n').slice(0, -2);
    const line = lines.shift();
    this.#text = '';
    const fields = fieldsOf(lines);
    const match = /^(?:HTTP\/1\.[01] (\d{3})( .*)?|[A-Z]+ \S+ HTTP\/1\.[01])$/.exec(line ?? '');
    if (fields === undefined || match === null) return this.#bad(`a head ${JSON.stringify(line)}`);
    const form = this.#owner.onHead({ line: line!, status: Number(match[1] ?? 0), fields });
    if (form === 0) this.#finish(NO_FIELDS);
    else if (form === 'chunked') this.#state = 'size';
    else if (form === 'close' || form === 'raw') this.#state = form;
    else {
      this.#state = 'length';
      this.#remaining = form;
    }
  }

  #finish(trailers: ReadonlyMap<string, string>): void {
    this.#state = 'head';
    this.#owner.onMessageEnd(trailers);
  }

  #bad(reason: string): void {
    this.#state = 'bad';
    this.#owner.onBad(reason);
  }
}

/** The form that a message's fields give its body; undefined where they say two things. */
export function formOf(fields: ReadonlyMap<string, string>): BodyForm | undefined {
  const length = fields.get('content-length');
  const coding = fields.get('transfer-encoding');
  if (coding !== undefined) {
    return length === undefined && coding === 'chunked' ? 'chunked' : undefined;
  }
  if (length === undefined) return 'close';
  return /^\d+$/.test(length) ? Number(length) : undefined;
}

function fieldsOf(lines: readonly string[]): Map<string, string> | undefined {
  const fields = new Map<string, string>();
  for (const line of lines) {
    const match = /^([!-9;-~]+):[ \t]*([\t\x20-\x7e\x80-\xff]*?)[ \t]*$/.exec(line);
    if (match === null) return undefined;
    const name = match[1]!.toLowerCase();
    const before = fields.get(name);
    fields.set(name, before === undefined ? match[2]! : `${before}, ${match[2]}`);
  }
  return fields;
}
