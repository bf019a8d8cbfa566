import { hasOverlong } from './decode.ts';
import type { Inspection } from './inspection.ts';
import { walkForm } from './parse/form.ts';
import { walkJson } from './parse/json.ts';
import { walkMultipart } from './parse/multipart.ts';
import { boundaryOf, textOf } from './parse/text.ts';
import { walkXml } from './parse/xml.ts';
import { isJsonText } from './telling.ts';

export function inspectBody(inspection: Inspection, contentType: string, bytes: Uint8Array): void {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const type = contentType.toLowerCase().split(';', 1)[0]!.trim();
  if (
    type === 'multipart/form-data' ||
    type === 'multipart/mixed' ||
    type === 'multipart/related'
  ) {
    const boundary = boundaryOf(contentType);
    if (/boundary\s{0,4}=[^=]{1,200}boundary\s{0,4}=/i.test(contentType))
      inspection.findings.say('protocol-framing', 'request', '', 0, 'two boundaries', contentType);
    if (boundary === undefined) inspection.bound('malformed', 'multipart without a boundary');
    else {
      walkMultipart(boundary, buffer.toString('latin1'), inspection);
      inspection.joinRepeated();
      return;
    }
  }
  const text = textOf(buffer);
  if (text === undefined) {
    // Not text: only what begins like a serialised object is of interest.
    const start = buffer.toString('latin1', 0, 4096);
    inspection.value('body', '', start);
    return;
  }
  const first = text.trimStart()[0] ?? '';
  if (type === 'application/x-www-form-urlencoded' && !(first === '{' && text.includes('":'))) {
    if (hasOverlong(text))
      inspection.findings.say(
        'protocol-overlong',
        'form',
        '',
        0,
        'an ASCII character in two bytes',
        text,
      );
    walkForm('form', text, inspection);
    inspection.joinRepeated();
    return;
  }
  if (type.endsWith('json') || type.includes('json')) {
    readJson(inspection, text, first);
    return;
  }
  if (type.endsWith('xml') || type.includes('+xml')) {
    walkXml(text, inspection);
    return;
  }
  if (type === 'application/x-ndjson' || type === 'text/event-stream') {
    walkJson(text, inspection);
    return;
  }
  // No type, or one that says little: the body tells.
  if (first === '{' || first === '[') {
    readJson(inspection, text, first);
    return;
  }
  if (
    first === '<' &&
    /^\s{0,64}<(?:\?xml|!doctype|[\w:-]{1,64}[\s>/])/i.test(text) &&
    type !== 'text/html' &&
    type !== 'text/plain'
  ) {
    walkXml(text, inspection);
    return;
  }
  if ((type === '' || type === 'application/octet-stream') && /^[\w.[\]%-]{1,64}=[^=]/.test(text)) {
    walkForm('form', text, inspection);
    inspection.joinRepeated();
    return;
  }
  inspection.document('body', text);
  inspection.value('body', '', text);
}

function readJson(inspection: Inspection, text: string, first: string): void {
  if (first === '{' || first === '[' || first === '"') {
    inspection.document('json', text);
    walkJson(text, inspection);
    // {{7*7}} begins like a document and is none.
    if (text.length <= BROKEN_LENGTH_MAX && !isJsonText(text)) inspection.value('body', '', text);
    return;
  }
  inspection.value('body', '', text);
}

/** A longer body is a document, however broken. */
const BROKEN_LENGTH_MAX = 1024;
