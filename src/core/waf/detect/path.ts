/**
 * Path traversal and file inclusion: a value is read as a path, both kinds of slash, segment by
 * segment, and what counts is how far it climbs and where it arrives.
 */
import * as f from '../features.ts';
import type { Findings } from '../findings.ts';
import type { Subject } from '../subject.ts';
import { detectClimb, isBoundary, lowerPath } from './path-climb.ts';
import {
  DOT_SECRETS,
  LOG,
  PRIVATE_ABSOLUTE,
  PROGRAM_SETTINGS,
  SETTINGS,
  SYSTEM,
} from './path-names.ts';

/** Stream wrappers that read, run or unpack. */
const WRAPPERS = [
  'php://',
  'phar://',
  'expect://',
  'zip://',
  'glob://',
  'compress.zlib://',
  'compress.bzip2://',
  'ogg://',
  'rar://',
  'ssh2.',
  'zlib:',
  'input://',
  'filter://',
  'ssh2://',
];

export function detectPath(subject: Subject, findings: Findings): void {
  detectClimb(subject, findings);
  absolute(subject, findings);
  if ((subject.words & f.WORD_FILE) !== 0 || subject.text.startsWith('\\\\')) {
    wrapper(subject, findings);
  }
  if (subject.place === 'filename') upload(subject, findings);
}

const SHOWN_SOURCE = /\.(?:txt|md|markdown|rst|adoc|log|diff|patch)$/;

/** Names of files that a web server would run, or that would tell it how to. */
function upload(subject: Subject, findings: Findings): void {
  const name = subject.lower.trim();
  // v2.php.txt: who shows a program's source to others calls it a text.
  if (subject.trusting && SHOWN_SOURCE.test(name)) return;
  const runs =
    /\.(?:php\d?|phps|pht|phtml|phar|pgif|shtml|inc|jspx?|jspf|jsw|jsv|jhtml|aspx?|ashx|asmx|ascx|asa|cer|cfml?|cfc|cgi|pl|war|vbs|hta|bat|cmd|exe|ps1|scr|com)(?=$|[.;:%\0\s/]|::)/;
  const end = runs.exec(name);
  const last = end !== null && end.index + end[0].length === name.length;
  const server =
    end !== null && !/\.(?:inc|com|exe|bat|cmd|ps1|scr|pl|vbs|hta|war|cer)$/.test(end[0]);
  if (
    (end && (server || (last && /\.(?:hta|scr|vbs|war)$/.test(end[0])))) ||
    /(?:^|[\\/])(?:\.htaccess|\.user\.ini|web\.config|\.htpasswd)$/.test(name)
  ) {
    findings.signal('path-upload', subject, 0, name.length, 'a file that a server would run');
  }
}

function absolute(subject: Subject, findings: Findings): void {
  const { text } = subject;
  if (text.length > 300) return;
  const first = text.charCodeAt(0);
  if (
    first > 32 &&
    first !== 126 &&
    first !== 46 &&
    first !== 47 &&
    first !== 92 &&
    !text.slice(0, 16).includes(':')
  )
    return;
  let lower = lowerPath(subject.lower.trim());
  for (const scheme of [
    'file://localhost/',
    'file://',
    'file:',
    'netdoc:',
    'jar:',
    'view-source:',
    'local_file://',
    'local-file:',
  ]) {
    if (lower.startsWith(scheme)) {
      lower = lower.slice(scheme.length);
      break;
    }
  }
  if (/^\.{1,2}\//.test(lower)) lower = lower.slice(1);
  if (lower.startsWith('~/')) lower = `/home/me${lower.slice(1)}`;
  if (!lower.startsWith('/') && lower.charCodeAt(1) !== 58) return;
  if (lower.charCodeAt(1) === 58) lower = lower.slice(2);
  // /./ and // change nothing to a file system.
  const parts = lower.split('/').filter((part) => part !== '' && part !== '.');
  const path = parts.join('/').split('\0')[0]!;
  if (path.includes(' ')) return;
  if (subject.place === 'json' && subject.trusting && SETTINGS.test(path)) return;
  const own = subject.place === 'query' || subject.place === 'cookie';
  const named = SYSTEM.test(path) || PROGRAM_SETTINGS.test(path) || DOT_SECRETS.test(`/${path}`);
  if ((LOG.test(path) && subject.place !== 'header') || (own && named)) {
    findings.signal('path-private', subject, 0, text.length, `names ${path.slice(0, 60)}`);
    return;
  }
  const ofPerson = subject.place !== 'path' && /^home\/[^/]{1,64}\/\.(?:ssh|aws|bash)/.test(path);
  for (const file of PRIVATE_ABSOLUTE) {
    const folder = file.endsWith('/') ? file.slice(0, -1) : file;
    const hit = file.endsWith('/')
      ? path.startsWith(file) || path === folder
      : path.startsWith(file);
    if (hit || ofPerson) {
      findings.signal('path-private', subject, 0, text.length, `names ${path.slice(0, 60)}`);
      return;
    }
  }
}

function wrapper(subject: Subject, findings: Findings): void {
  const { lower } = subject;
  if (subject.prose || !/:|ssh2\.|^\\\\/.test(lower.slice(0, 80))) return;
  for (const scheme of WRAPPERS) {
    const at = lower.indexOf(scheme);
    if (at < 0 || at > 64 || lower.startsWith('::', at + scheme.length - 1)) continue;
    if (at > 0 && !isBoundary(lower.charCodeAt(at - 1))) continue;
    if (scheme !== 'expect://' && subject.readsOn(lower.slice(at))) continue; // a search about it
    findings.signal('path-wrapper', subject, at, at + 60, `the stream wrapper ${scheme}`);
    return;
  }
  if (
    /^data:(?:\/\/)?(?:text\/plain|text\/php|application\/(?:x-httpd-php|octet-stream|php))[;,]/.test(
      lower,
    ) &&
    (subject.place === 'query' ||
      subject.place === 'cookie' ||
      lower.includes('pd9w') ||
      lower.includes('<?'))
  ) {
    findings.signal('path-wrapper', subject, 0, 60, 'a data: address with a program');
  }
  if (
    lower.startsWith('\\\\') &&
    (/^\\\\(?:[?.]\\unc\\)?[\w.:[\]-]{1,200}\\(?:[a-z]|admin|ipc)\$/.test(lower) ||
      /^\\\\(?:[?.]\\unc\\)?[\w-]{1,63}\.[\w.-]{1,200}(?:@\w{1,8})?\\[\w$.-]/.test(lower) ||
      (/^\\\\[\w.-]{1,200}(?:@\w{1,8})?\\[\w$.-]/.test(lower) &&
        (subject.characters & f.DOT) !== 0 &&
        subject.place !== 'json' &&
        subject.place !== 'body'))
  ) {
    findings.signal('path-share', subject, 0, 60, 'a share of another host');
  }
}
