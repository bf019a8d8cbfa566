import { XML_VALUES_MAX } from '../bounds.ts';
import type { Visitor } from './visitor.ts';

/** Walks XML without judging it: texts, CDATA sections and attribute values, named by their element or attribute. */
export function walkXml(text: string, visitor: Visitor): void {
  visitor.document('xml', text);
  let element = '';
  let at = 0;
  let values = 0;
  while (at < text.length) {
    const open = text.indexOf('<', at);
    const end = open < 0 ? text.length : open;
    if (end > at) {
      const piece = text.slice(at, end);
      if (piece.trim() !== '') {
        if (values++ === XML_VALUES_MAX) {
          visitor.bound('strings', `more than ${XML_VALUES_MAX} texts`);
          return;
        }
        visitor.value('xml', element, piece);
      }
    }
    if (open < 0) return;
    if (text.startsWith('<![CDATA[', open)) {
      const close = text.indexOf(']]>', open);
      if (values++ === XML_VALUES_MAX) {
        visitor.bound('strings', `more than ${XML_VALUES_MAX} texts`);
        return;
      }
      visitor.value('xml', element, text.slice(open + 9, close < 0 ? text.length : close));
      if (close < 0) return;
      at = close + 3;
    } else if (text.startsWith('<!--', open)) {
      const close = text.indexOf('-->', open);
      if (close < 0) return;
      at = close + 3;
    } else {
      let cursor = open + 1;
      const nameStart = text[cursor] === '/' ? cursor + 1 : cursor;
      cursor = nameStart;
      while (cursor < text.length && !' \t\r\n/>'.includes(text[cursor]!)) cursor++;
      if (text[open + 1] !== '/' && text[open + 1] !== '!' && text[open + 1] !== '?')
        element = text.slice(nameStart, cursor);
      // Attributes, to the end of the tag; quotes may hold a >.
      let attribute = '';
      while (cursor < text.length && text[cursor] !== '>') {
        const mark = text[cursor]!;
        if (mark === '"' || mark === "'") {
          const close = text.indexOf(mark, cursor + 1);
          const stop = close < 0 ? text.length : close;
          if (values++ === XML_VALUES_MAX) {
            visitor.bound('strings', `more than ${XML_VALUES_MAX} texts`);
            return;
          }
          if (text[open + 1] !== '!' && !attribute.startsWith('xmlns'))
            visitor.value('xml', attribute, text.slice(cursor + 1, stop));
          cursor = stop + 1;
          attribute = '';
        } else {
          if (' \t\r\n'.includes(mark)) attribute = '';
          else if (mark !== '=') attribute += mark;
          cursor++;
        }
      }
      at = cursor + 1;
    }
  }
}
