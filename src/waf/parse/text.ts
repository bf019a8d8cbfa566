/** The bytes of a body as text, and what its content type says of its parts. */
import { isUtf8 } from 'node:buffer';
import { lenientUtf8 } from '../decode.ts';

/** The text of a body; undefined where it is none (an image, an archive). */
export function textOf(buffer: Buffer): string | undefined {
  const wide = utf16Order(buffer);
  if (wide !== 0) {
    const even = buffer.subarray(0, buffer.length & ~1);
    return (wide > 0 ? Buffer.from(even).swap16() : even).toString('utf16le');
  }
  if (isUtf8(buffer)) return buffer.toString('utf8');
  let odd = 0;
  const sample = Math.min(buffer.length, 1024);
  for (let at = 0; at < sample; at++) {
    const byte = buffer[at]!;
    if (byte < 9 || (byte > 13 && byte < 32)) odd++;
  }
  if (odd * 20 > sample) return undefined;
  return lenientUtf8(buffer.toString('latin1'));
}

/** 1: UTF-16 big-endian, -1: little-endian, 0: neither. XML and JSON may come so. */
function utf16Order(buffer: Buffer): -1 | 0 | 1 {
  if (buffer.length < 4) return 0;
  const [first, second, third, fourth] = buffer;
  if (first === 0xfe && second === 0xff) return 1;
  if (first === 0xff && second === 0xfe) return -1;
  if (first === 0 && second !== 0 && third === 0 && fourth !== 0) return 1;
  if (first !== 0 && second === 0 && third !== 0 && fourth === 0) return -1;
  return 0;
}

export function boundaryOf(contentType: string): string | undefined {
  const at = contentType.toLowerCase().indexOf('boundary=');
  if (at < 0) return undefined;
  let rest = contentType.slice(at + 9);
  if (rest.startsWith('"')) {
    const close = rest.indexOf('"', 1);
    return close < 2 ? undefined : rest.slice(1, close);
  }
  rest = rest.split(';', 1)[0]!.trim();
  return rest === '' ? undefined : rest;
}
