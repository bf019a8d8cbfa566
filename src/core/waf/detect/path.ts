/**
 * Path traversal and file inclusion: a value is read as a path, both kinds of slash, segment by
 * segment, and what counts is how far it climbs and where it arrives.
 */
import * as f from '../features.ts';
import type { Findings } from '../findings.ts';
import type { Subject } from '../subject.ts';

/** Segments of one value that are read; a path deeper than this climbs no further. */
const SEGMENTS_MAX = 256;

/** Files and folders that a server keeps to itself, as the end or the middle of a path. */
const PRIVATE_PATHS: readonly string[] = [
  'etc/passwd',
  'etc/shadow',
  'etc/group',
  'etc/hosts',
  'etc/issue',
  'etc/sudoers',
  'etc/ssh/',
  'etc/crontab',
  'etc/master.passwd',
  'etc/mysql/',
  'etc/my.cnf',
  'etc/apache2/',
  'etc/httpd/',
  'etc/nginx/',
  'etc/fstab',
  'etc/hostname',
  'etc/resolv.conf',
  'etc/environment',
  'etc/profile',
  'etc/os-release',
  'etc/kubernetes/',
  'etc/security/',
  'etc/php',
  'etc/redis',
  'proc/self/',
  'proc/version',
  'proc/cmdline',
  'proc/net/',
  'proc/1/',
  'proc/mounts',
  'proc/cpuinfo',
  'var/log/',
  'var/run/secrets',
  'run/secrets/',
  'var/lib/mysql',
  'var/spool/cron',
  'root/.',
  '.ssh/',
  'id_rsa',
  'id_dsa',
  'id_ed25519',
  '.bash_history',
  '.aws/',
  '.docker/config',
  '.kube/config',
  'windows/win.ini',
  'windows/system32',
  'windows/system.ini',
  'windows/repair',
  'winnt/',
  'boot.ini',
  'win.ini',
  'windows/panther',
  'system32/drivers/etc',
  'system32/config',
  'inetpub/',
  'web-inf/',
  'meta-inf/',
  'web.config',
  'global.asax',
  '.htpasswd',
  '.htaccess',
  '.git/',
  '.svn/',
  '.env',
  'wp-config',
  'config.php',
  'database.yml',
  'secrets.yml',
  'settings.py',
  'application.properties',
  'application.yml',
  'tomcat-users',
  'apache/logs',
  'apache2/access',
  'access.log',
  'error.log',
  'usr/local/',
  'opt/',
  'sam',
  'php.ini',
  'etc/',
  'boot/',
];
/** Of those, the ones whose mere absolute name, as a whole value, is an attempt. */
const PRIVATE_ABSOLUTE: readonly string[] = [
  'etc/passwd',
  'etc/shadow',
  'etc/group',
  'etc/sudoers',
  'etc/master.passwd',
  'etc/hosts',
  'etc/issue',
  'etc/ssh/',
  'etc/crontab',
  'etc/security/',
  'etc/kubernetes/',
  'etc/mysql/',
  'etc/my.cnf',
  'etc/apache2/',
  'etc/httpd/',
  'etc/nginx/',
  'etc/fstab',
  'etc/php',
  'proc/self/',
  'proc/version',
  'proc/1/',
  'proc/net/',
  'proc/cmdline',
  'proc/cpuinfo',
  'proc/mounts',
  'var/log/',
  'var/run/secrets',
  'run/secrets/',
  'root/.ssh',
  'root/.bash',
  'var/spool/cron',
  'windows/win.ini',
  'windows/system.ini',
  'windows/system32/drivers/etc',
  'windows/system32/config',
  'windows/repair',
  'windows/panther',
  'boot.ini',
  'winnt/win.ini',
  'winnt/system32',
  'inetpub/wwwroot/web.config',
  'windows/system32/cmd.exe',
];

/** Extensions that a page's parameter has no reason to climb to. */
const CODE_ENDS = [
  '.php',
  '.inc',
  '.ini',
  '.conf',
  '.cfg',
  '.key',
  '.pem',
  '.asp',
  '.aspx',
  '.jsp',
  '.py',
  '.rb',
  '.pl',
  '.cgi',
  '.sql',
  '.bak',
  '.log',
  '.passwd',
  '.db',
  '.sqlite',
  '.xml',
  '.yml',
  '.yaml',
  '.properties',
  '.env',
  '.config',
  '.dll',
  '.exe',
  '.bat',
  '.sh',
  '.so',
  '.tar',
  '.zip',
  '.gz',
  '.txt',
];

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
  climb(subject, findings);
  absolute(subject, findings);
  if ((subject.words & f.WORD_FILE) !== 0 || subject.text.startsWith('\\\\')) {
    wrapper(subject, findings);
  }
  if (subject.place === 'filename') upload(subject, findings);
}

/** Names of files that a web server would run, or that would tell it how to. */
function upload(subject: Subject, findings: Findings): void {
  const name = subject.lower.trim();
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

function climb(subject: Subject, findings: Findings): void {
  const { text } = subject;
  if (!text.includes('..') && !text.includes('.\u0000.')) return;
  let depth = 0;
  let lowest = 0;
  let climbs = 0;
  let first = -1;
  let odd = false; // a spelling that only a filter's evader uses: ....// or ..;/
  let words = false;
  let start = 0;
  let segments = 0;
  let end = 0;
  for (; end <= text.length && segments < SEGMENTS_MAX; end++) {
    const code = end < text.length ? text.charCodeAt(end) : 47;
    if (code === 32 || code === 10) words = true;
    if (code !== 47 && code !== 92) continue;
    const kind = segmentKind(text, start, end);
    if (kind === 'up' || kind === 'odd') {
      if (first < 0) first = start;
      if (kind === 'odd') odd = true;
      if (end < text.length || kind === 'up') {
        climbs++;
        depth--;
      }
      if (depth < lowest) lowest = depth;
    } else if (kind === 'down') depth++;
    segments++;
    start = end + 1;
  }
  if (climbs === 0) return;
  const whole = !words && !subject.prose;
  const why = `climbs ${climbs} folders`;
  const target = lowerPath(text.slice(first, first + 512));
  const secret = PRIVATE_PATHS.some((it) => target.includes(it));
  const coded =
    subject.round > 0 ||
    odd ||
    text.includes('\\..') ||
    text.includes('..\\') ||
    text.includes('\0');
  const report = (signal: string): void => findings.signal(signal, subject, first, first + 80, why);

  if (secret && !subject.prose) report('path-climb');
  else if (subject.place === 'path' && (lowest < 0 || odd)) report('path-climb');
  else if (!whole && climbs < 3) report('path-step');
  else if (!whole && subject.prose) report('path-step');
  else if (climbs >= 3 && (lowest < 0 || odd)) report('path-climb');
  else if (lowest >= 0 && !odd) report('path-step');
  else if (climbs >= 2 && subject.place !== 'json' && subject.place !== 'body')
    report('path-climb');
  else if (coded && first < 8 && subject.place !== 'json' && subject.place !== 'body')
    report('path-climb');
  else if (
    first === 0 &&
    endsInCode(target) &&
    subject.place !== 'json' &&
    subject.place !== 'body'
  )
    report('path-climb');
  else if (subject.place === 'filename') report('path-climb');
  else report('path-step');
}

/** up: `..` in its spellings; odd: dots and fillers that a filter turns into `..`. */
function segmentKind(text: string, start: number, end: number): 'up' | 'odd' | 'down' | 'none' {
  const length = end - start;
  if (length === 0) return 'none';
  const last = text.charCodeAt(end - 1);
  if (length === 1) return last === 46 ? 'none' : 'down';
  // A path may begin after `file=` or a quote: only the end of the segment is its name.
  if (last === 46 && text.charCodeAt(end - 2) === 46) {
    const before = length === 2 ? -1 : text.charCodeAt(end - 3);
    if (before === -1 || isBoundary(before)) return 'up';
    let dots = 0;
    while (dots < length && text.charCodeAt(end - 1 - dots) === 46) dots++;
    return dots === length && dots >= 3 ? 'odd' : 'down';
  }
  if (text.charCodeAt(start) === 46) {
    let at = start;
    while (at < end && '.;\0 \t\r\n?%*<>'.includes(text[at]!)) at++;
    if (text.startsWith('..;', start)) return 'odd';
    if (at === end && text.charCodeAt(start + 1) !== 32 && text.slice(start, end).includes('\0'))
      return 'odd';
  }
  return 'down';
}

function absolute(subject: Subject, findings: Findings): void {
  const { text } = subject;
  if (subject.place === 'header' || text.length > 300) return;
  const first = text.charCodeAt(0);
  if (
    first > 32 &&
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
  if (!lower.startsWith('/') && lower.charCodeAt(1) !== 58) return;
  if (lower.charCodeAt(1) === 58) lower = lower.slice(2);
  // /./ and // change nothing to a file system.
  const parts = lower.split('/').filter((part) => part !== '' && part !== '.');
  const path = parts.join('/').split('\0')[0]!;
  if (path.includes(' ')) return;
  for (const file of PRIVATE_ABSOLUTE) {
    const folder = file.endsWith('/') ? file.slice(0, -1) : file;
    const hit = file.endsWith('/')
      ? path.startsWith(file) || path === folder
      : path.startsWith(file);
    if (hit || (subject.place !== 'path' && /^home\/[^/]{1,64}\/\.(?:ssh|aws|bash)/.test(path))) {
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
    if (at < 0 || at > 64) continue;
    if (at > 0 && !isBoundary(lower.charCodeAt(at - 1))) continue;
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
    /^\\\\[\w.-]{1,200}(?:@\w{1,8})?\\[\w$.-]/.test(lower) &&
    subject.place !== 'json' &&
    subject.place !== 'body'
  ) {
    findings.signal('path-share', subject, 0, 60, 'a share of another host');
  }
}

function lowerPath(text: string): string {
  return text
    .toLowerCase()
    .replaceAll('\\', '/')
    .replaceAll('\0', '')
    .replace(/\/{2,}/g, '/');
}

function endsInCode(path: string): boolean {
  return CODE_ENDS.some((end) => path.endsWith(end)) || path.includes('?');
}

function isBoundary(code: number): boolean {
  return (
    code <= 32 ||
    code === 61 ||
    code === 34 ||
    code === 39 ||
    code === 40 ||
    code === 44 ||
    code === 58 ||
    code === 59 ||
    code === 124 ||
    code === 38 ||
    code === 62 ||
    code === 96 ||
    code === 91 ||
    code === 64
  );
}
