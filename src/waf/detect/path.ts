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
  const trimmed = subject.lower.trim();
  if (trimmed.includes(' ')) return;
  let lower = lowerPath(trimmed);
  if (lower.includes(':')) {
    const scheme = FILE_SCHEMES.find((it) => lower.startsWith(it));
    if (scheme !== undefined) lower = lower.slice(scheme.length);
  }
  if (lower.startsWith('./') || lower.startsWith('../')) lower = lower.slice(1);
  if (lower.startsWith('~/')) lower = `/home/me${lower.slice(1)}`;
  if (lower.charCodeAt(1) === 58) lower = lower.slice(2);
  else if (!lower.startsWith('/')) return;
  const own = subject.place === 'query' || subject.place === 'cookie';
  if (!mayBePrivate(lower, own)) return;
  // /./ and // change nothing to a file system.
  const parts = lower.split('/').filter((part) => part !== '' && part !== '.');
  const path = parts.join('/');
  if (subject.place === 'json' && subject.trusting && SETTINGS.test(path)) return;
  const folder = `${path}/`;
  if (
    (subject.place !== 'header' && LOG.test(path)) ||
    (own && (SYSTEM.test(path) || PROGRAM_SETTINGS.test(path) || DOT_SECRETS.test(`/${path}`))) ||
    (subject.place !== 'path' && /^home\/[^/]{1,64}\/\.(?:ssh|aws|bash)/.test(path)) ||
    PRIVATE_ABSOLUTE.some((file) => path.startsWith(file) || folder === file)
  )
    findings.signal('path-private', subject, 0, text.length, `names ${path.slice(0, 60)}`);
}

/** Whether a path begins as those do that are private, or, where any may be, hides a file. */
function mayBePrivate(lower: string, own: boolean): boolean {
  let at = 0;
  while (lower[at] === '/' || (lower[at] === '.' && (lower[at + 1] ?? '/') === '/')) at++;
  if (STARTS.has(lower.slice(at, at + START_LENGTH))) return true;
  return own && (lower[at] === '.' || lower.includes('/.'));
}

const FILE_SCHEMES = [
  'file://localhost/',
  'file://',
  'file:',
  'netdoc:',
  'jar:',
  'view-source:',
  'local_file://',
  'local-file:',
];

/** What the paths begin with that are private, or may be. */
const START_LENGTH = 3;
const STARTS: ReadonlySet<string> = new Set(
  [...PRIVATE_ABSOLUTE, 'etc', 'root', 'proc', 'usr', 'opt', 'srv', 'var', 'home'].map((it) =>
    it.slice(0, START_LENGTH),
  ),
);

/** A colon and what follows it in an address, or a share's slashes: each wrapper has one. */
const WRAPPED = /:\/|zlib:|ssh2\.|^data:|^\\\\/;

function wrapper(subject: Subject, findings: Findings): void {
  const { lower } = subject;
  if (!WRAPPED.test(lower.slice(0, 80)) || subject.prose) return;
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
      /^\\\\(?:[?.]\\unc\\)?[\w-]{1,63}\.[\w.-]{1,200}(?:@\w{1,8})?[\\/][\w$.-]/.test(lower) ||
      (/^\\\\[\w.-]{1,200}(?:@\w{1,8})?[\\/][\w$.-]/.test(lower) &&
        (subject.characters & f.DOT) !== 0 &&
        subject.place !== 'json' &&
        subject.place !== 'body'))
  ) {
    findings.signal('path-share', subject, 0, 60, 'a share of another host');
  }
}
