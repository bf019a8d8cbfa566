/** XML that makes its reader fetch, include or multiply: the document type is read declaration by declaration. */
import type { Findings } from '../findings.ts';
import type { Subject } from '../subject.ts';

const DECLARATIONS_MAX = 128;
const DECLARATION_LENGTH_MAX = 1024;

export function detectXxe(subject: Subject, findings: Findings): void {
  const { text, lower } = subject;
  // A document that is XML as a whole is no letter, whatever words it holds.
  if (subject.prose && !(subject.place === 'xml' && text.startsWith('<'))) return;
  let nested = 0;
  let at = lower.indexOf('<!');
  for (let seen = 0; at >= 0 && seen < DECLARATIONS_MAX; seen++) {
    const piece = text.slice(at, at + DECLARATION_LENGTH_MAX);
    const kind = lower.slice(at + 2, at + 9);
    if (kind === 'doctype') judgeDoctype(subject, findings, at, piece);
    else if (kind.startsWith('entity')) {
      const declaration = piece.slice(8);
      if (/^\s{1,40}(?:%\s{1,40})?[^\s"'<>]{1,80}\s{1,40}(?:SYSTEM|PUBLIC)\s/i.test(declaration)) {
        findings.signal('xxe-external', subject, at, at + 100, 'an entity that is fetched');
      } else if (/^\s{1,40}%\s/.test(declaration)) {
        findings.signal('xxe-external', subject, at, at + 100, 'a parameter entity');
      } else if (
        /^\s{1,40}[^\s"'<>]{1,80}\s{1,40}["'][^"']{0,512}(?:&|%|&#\w{1,6};)[\w.#-]{1,80};/.test(
          declaration,
        )
      ) {
        nested++;
      } else findings.signal('xxe-entity', subject, at, at + 100, 'an entity of its own');
    }
    at = lower.indexOf('<!', at + 2);
  }
  if (nested >= 1)
    findings.signal(
      'xxe-bomb',
      subject,
      lower.indexOf('<!entity'),
      lower.indexOf('<!entity') + 100,
      `${nested} entities made of entities`,
    );
  const including = lower.includes('xinclude') || lower.includes('xi:include');
  const include = including
    ? lower.search(/<(?:[\w-]{1,20}:)?include\s[^>]{0,400}(?:href|src)\s{0,4}=/)
    : -1;
  if (include >= 0) {
    findings.signal('xxe-include', subject, include, include + 100, 'XInclude');
  }
  const sheet = lower.search(
    /<\?xml-stylesheet\s[^>]{0,200}href\s{0,4}=\s{0,4}["'](?:https?:|file:|\/\/|ftp:)/,
  );
  if (sheet >= 0)
    findings.signal('xxe-include', subject, sheet, sheet + 100, 'a style sheet that is fetched');
  const xsl = lower.search(TRANSFORMATION);
  if (xsl >= 0)
    findings.signal('xxe-include', subject, xsl, xsl + 100, 'a transformation that reaches out');
  const schema = lower.search(
    /schemalocation\s{0,4}=\s{0,4}["'][^"']{0,200}(?:file:|ftp:|169\.254|localhost|127\.0)/,
  );
  if (schema >= 0)
    findings.signal('xxe-external', subject, schema, schema + 100, 'a schema from within');
  const image = lower.search(
    /<(?:image|use|img)\s[^>]{0,200}(?:xlink:)?href\s{0,4}=\s{0,4}["'](?:file:|expect:|php:|text:\/|ephemeral:|msl:)/,
  );
  if (image >= 0)
    findings.signal(
      'xxe-external',
      subject,
      image,
      image + 100,
      'an image that is a file of the server',
    );
}

/**
 * Instructions of XSLT, under whatever prefix, whose expression reads a file or an address or runs
 * a program, and those that write a file.
 */
const TRANSFORMATION =
  /<[\w-]{1,20}:(?:include|import|import-schema|result-document|document|write)\s[^>]{0,200}(?:href|file|select)\s{0,4}=|<[\w-]{1,20}:(?:value-of|copy-of|copy|variable|param|with-param|for-each|for-each-group|apply-templates|sequence|if|when|sort|attribute|element|message|output|key|number|merge-source|evaluate|template|stylesheet|transform)\s[^>]{0,400}(?:system-property|document|\bdoc|doc-available|unparsed-text(?:-lines|-available)?|collection|environment-variable|php:function(?:string)?|runtime:exec|rt:exec)\s{0,2}\(|["']\{\s{0,4}(?:document|doc|unparsed-text)\s{0,2}\(\s{0,4}["']|<ms(?:xsl|xml):script|php:function\s{0,2}\(/;

/** A document type with an outside part that is no published one, or with a subset that fetches. */
function judgeDoctype(subject: Subject, findings: Findings, at: number, piece: string): void {
  const outside =
    /^<!doctype\s{1,40}[^\s[>]{1,80}\s{1,40}(SYSTEM|PUBLIC)\s{0,40}("[^"]{0,300}"|'[^']{0,300}')\s{0,40}("[^"]{0,300}"|'[^']{0,300}')?/i.exec(
      piece,
    );
  if (!outside) return;
  const isPublic = outside[1]!.toLowerCase() === 'public';
  const address = (isPublic ? (outside[3] ?? '""') : outside[2]!).slice(1, -1).toLowerCase();
  if (
    isPublic &&
    /^["'][-+]\/\/(?:w3c|ietf|apple|oasis|dtd|ibm|sun|apache|hibernate|mybatis|spring|freebsd|freedesktop|gnome|kde|jboss|netbeans|eclipse|nlm|tei|microsoft|iso|pi)\b/i.test(
      outside[2]!,
    ) &&
    !/^(?:file|ftp|gopher|php|expect|jar)/.test(address)
  )
    return;
  if (
    !/^[a-z][a-z0-9+.-]{1,16}:|^\/\/|^\//.test(address) ||
    address === 'about:legacy-compat' ||
    address.startsWith('urn:')
  )
    return;
  if (
    /^https?:\/\/(?:www\.)?(?:w3\.org|apple\.com|java\.sun\.com|oasis-open\.org|hibernate\.org|mybatis\.org|struts\.apache\.org|xml\.org)\//.test(
      address,
    )
  )
    return;
  findings.signal('xxe-external', subject, at, at + 120, 'a document type that is fetched');
}
