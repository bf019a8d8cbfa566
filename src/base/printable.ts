/**
 * Text from outside, made fit to be shown. What clients, servers, certificates and files say may
 * hold bytes that steer a terminal, or that show a line other than it is; each place where text
 * leaves openclaw for people's eyes goes through one of these.
 *
 * Unseen are C0, DEL and C1, line separators, and the signs that turn the direction of text
 * (Unicode TR 36 section 2.5).
 */
const UNSEEN = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;
/** Those that JSON text may hold as they are. */
const UNSEEN_IN_JSON = /[\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;
/** Those that lines may not hold, and before them the colours that our own commands use. */
const COLOUR_OR_UNSEEN =
  /\x1b\[(?:0|1|2|22|31|32|33|36|39)m|[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/** A text of one line: where it breaks is shown, what else cannot be seen is a sign for that. */
export function printable(text: string): string {
  return printableLines(text.replaceAll(/\s*\n\s*/g, ' ⏎ '));
}

/** The same of a text that may have several lines. */
export function printableLines(text: string): string {
  return text.replaceAll(UNSEEN, (char) => (char === '\n' ? char : char === '\t' ? ' ' : '�'));
}

/** JSON text that means the same, and shows on a terminal what it holds. */
export function printableJson(json: string): string {
  return json.replaceAll(UNSEEN_IN_JSON, escaped);
}

/**
 * The last look at what goes to a terminal or into a pipe beside it, in lines, perhaps of JSON.
 *
 * @param isColoured whether our own colours pass
 */
export function printableOutput(text: string, isColoured: boolean): string {
  return text.replaceAll(COLOUR_OR_UNSEEN, (found) => {
    if (found.length > 1 && isColoured) return found;
    return `${escaped(found)}${found.slice(1)}`;
  });
}

/** Every text in a value that JSON can hold. */
export function printableValues<T>(value: T, show = printable): T {
  const text = JSON.stringify(value, (_, inner) =>
    typeof inner === 'string' ? show(inner) : inner,
  );
  return JSON.parse(text) as T;
}

function escaped(char: string): string {
  return `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
