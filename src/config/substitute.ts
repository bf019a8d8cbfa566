/**
 * `${NAME}` and `${NAME:-default}` in values are taken from the environment; `$${` is a plain `${`.
 * Replacement happens in the parsed tree, so that a value cannot change the structure of the file.
 */
import { type Document, Scalar, visit } from 'yaml';

const REFERENCE = /\$\$\{|\$\{([^}]*)\}/g;
const NAME = /^([A-Za-z_][A-Za-z0-9_]*)(?::-([\s\S]*))?$/;

export interface Missing {
  offset: number;
  length: number;
  message: string;
  help: string;
}

export interface Substituted {
  /** References that lead nowhere. */
  missing: Missing[];
  /**
   * Variables whose value ends in a newline, as that of a file does, by the offset of the scalar
   * that takes them.
   */
  newlines: ReadonlyMap<number, string>;
}

/** Replaces in place. */
export function substitute(
  document: Document,
  env: Readonly<Record<string, string | undefined>>,
): Substituted {
  const missing: Missing[] = [];
  const newlines = new Map<number, string>();
  visit(document, {
    Scalar(key, node) {
      if (key === 'key' || typeof node.value !== 'string' || !node.value.includes('${')) return;
      const [offset, end] = node.range!;
      let replaced = false;
      const text = node.value.replace(REFERENCE, (reference: string, body?: string) => {
        if (body === undefined) return '${';
        const match = NAME.exec(body);
        const place = { offset, length: end - offset };
        if (match === null) {
          missing.push({
            ...place,
            message: `"${reference}" is not an environment variable`,
            // biome-ignore lint/suspicious/noTemplateCurlyInString: this is what the operator writes
            help: 'write ${NAME} or ${NAME:-default}; write "$${" for a plain "${"',
          });
          return reference;
        }
        const [, name, fallback] = match as unknown as [string, string, string | undefined];
        // Even `process.env` inherits: ${constructor} is not set.
        const value = Object.hasOwn(env, name) ? env[name] : undefined;
        replaced = true;
        if (value !== undefined && /[\r\n]$/.test(value)) newlines.set(offset, name);
        if (value !== undefined && (value !== '' || fallback === undefined)) return value;
        if (fallback !== undefined) return fallback;
        missing.push({
          ...place,
          message: `the environment variable ${name} is not set`,
          help: `set it, or give a default: \${${name}:-default}`,
        });
        return reference;
      });
      node.value = replaced && node.type === Scalar.PLAIN ? resolved(text) : text;
    },
  });
  return { missing, newlines };
}

/** What a plain (unquoted) scalar of this text would be. */
function resolved(text: string): unknown {
  if (/^[-+]?\d+(\.\d+)?$/.test(text)) return Number(text);
  if (/^(true|false)$/i.test(text)) return text.toLowerCase() === 'true';
  return text;
}
