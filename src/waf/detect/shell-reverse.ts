/**
 * Reverse shells: a shell whose input and output are a connection to another host. Nobody sends one
 * but to have it run, so neither prose nor a document nor a body excuses it.
 */
import type { Subject } from '../subject.ts';

export interface Handover {
  readonly at: number;
  readonly why: string;
}

const SHELL =
  '(?:\\S{0,40}[/\\\\])?(?:(?:ba|z|da|k|c|a|tc|fi)?sh|cmd(?:\\.exe)?|powershell(?:\\.exe)?|pwsh)';

/** `nc host port -e sh`, `ncat --exec /bin/sh`, the option before the address or behind it. */
const NETCAT = new RegExp(
  `\\b(?:nc|ncat|netcat|powercat)\\b[^\\n|;]{0,80}\\s(?:-[a-z]{0,4}[ec]|--exec|--sh-exec)[\\s=]{1,4}["']?${SHELL}(?![\\w-])`,
);
const NETCAT_ANY =
  /\b(?:nc|ncat|netcat)\b[^\n|;]{0,80}\s(?:-[a-z]{0,4}[ec]\s{1,4}["']?(?:\/bin\/|\/usr\/)|--sh-exec\b)/;

/** `telnet host port | sh | telnet host port`, `openssl s_client -connect host | sh` */
const FED = new RegExp(
  `\\b(?:telnet\\s|telnet://|nc\\s|ncat\\s|netcat\\s|openssl\\s{1,4}s_client\\s)[^\\n|]{1,120}\\|\\s{0,4}${SHELL}(?![\\w.-])`,
);

const SOCAT = /\bsocat\b[^\n]{0,200}\b(?:exec|system):/;
const SOCAT_TARGET = /\b(?:tcp|udp|openssl|ssl|sctp)[46]?(?:-connect|-listen)?:/;

/** How a program of some language opens a connection, and how it hands it to a shell. */
const CONNECTS =
  /\/inet\/(?:tcp|udp)\/|\bztcp\s|\brequire\s?\(?\\?["']socket\\?["']|\bsocket\.(?:socket|tcp|create_connection)\b|\bsockets\.tcpclient\b|\btcpsocket\.(?:new|open)\b|\bfsockopen\s?\(|\bsockaddr_in\s?\(|\bio::socket\b|\bnew net\.socket\b|\bnet\.(?:connect|createconnection|dial)\s?\(|\bnew socket\s?\(|\bstream_socket_client\s?\(|\btcpstream::connect\b|\bsocket\.connect\s?\(|\[\s?socket\s{1,4}[\w.-]{1,80}\s{1,4}\d|\bunix\.connect\b|\bgen_tcp[.:]connect\b|\.socket\(\)[^\n]{0,80}\.connect\s?\(\(/;
const HANDS_OVER =
  /\bdup2\s?\(|\bstdin->fdopen\b|\bopen\(stdin,|\bio\.popen\s?\(|\b(?:shell_exec|proc_open|popen|passthru|system|exec\.command)\s?\(\\?["'](?:\/bin\/)?(?:ba|z|da)?sh\b|\bpty\.spawn\s?\(|\/bin\/(?:ba|z|da|k)?sh\b[^\n]{0,12}-i|\bexec\s{0,2}\(?["'](?:\/bin\/)?(?:ba|z|da)?sh\b|\b(?:ba|z|da)?sh\s?>&\s?\$reply|\|&\s?getline\b|\bgetstream\(\)[^\n]{0,400}(?:\biex\b|invoke-expression|\.exe)|\bspawn\(["'](?:\/bin\/)?(?:ba)?sh\b|\bos\.execute\s?\(["']\/bin\/sh|["'](?:\/bin\/)?(?:(?:ba|z)?sh|cmd(?:\.exe)?)["']\.execute\s?\(|\b(?:command::new|process\.start|process\.run)\s?\(\s?["'](?:\/bin\/)?(?:(?:ba|z|da)?sh|cmd)\b|\b(?:exec|eval)\s{1,4}\$\w|\bunix\.execv?p?e?\s{1,4}["']|\b(?:run|call|popen)\s?\(\s?\[\s?["'](?:\/bin\/)?(?:ba|z|da)?sh["']|\bexec\s?\(\s?\w{1,20}\.recv\b|\b(?:os:cmd|system\.cmd)\s?\(|`#\{\w{1,20}\.gets\b|\bprocessbuilder\([^\n]{0,80}(?:sh|cmd)\b/;

/** The shell that is handed over in `subject`, if one is. */
export function handsOverShell(subject: Subject): Handover | undefined {
  const { lower } = subject;
  const found = (pattern: RegExp, why: string): Handover | undefined => {
    const at = lower.search(pattern);
    return at < 0 ? undefined : { at, why };
  };
  const tcp = lower.search(/\/dev\/(?:tcp|udp)\/[\w.$-]/);
  if (tcp >= 0 && (lower.includes('>&') || lower.includes('<>') || lower.includes('exec')))
    return { at: tcp, why: 'a connection by /dev/tcp' };
  const piped =
    found(NETCAT, 'a shell handed to netcat') ??
    found(NETCAT_ANY, 'a shell handed to netcat') ??
    found(FED, 'a shell fed by a connection');
  if (piped) return piped;
  if (SOCAT.test(lower) && SOCAT_TARGET.test(lower)) return found(SOCAT, 'a shell handed to socat');
  if (
    !subject.prose &&
    /\b(?:mkfifo|mknod)\s/.test(lower) &&
    /\b(?:nc|telnet|openssl|ncat)\b/.test(lower) &&
    /\b(?:ba|z|da)?sh\b/.test(lower)
  )
    return found(/mkfifo|mknod/, 'a shell through a pipe file');
  const display = found(
    /\bxterm\s{1,4}-display\s{1,4}[\w.-]{1,80}:\d/,
    'a terminal on another host',
  );
  if (display) return display;
  const at = lower.search(CONNECTS);
  if (at < 0) return undefined;
  // A program of many lines may do both; one that is sent to be run does so in one.
  const text = subject.document ? lineAt(lower, at) : lower;
  return HANDS_OVER.test(text) ? { at, why: 'a connection handed to a shell' } : undefined;
}

const LINE_LENGTH_MAX = 2000;

function lineAt(text: string, at: number): string {
  const start = text.lastIndexOf('\n', at) + 1;
  const end = text.indexOf('\n', at);
  return text.slice(
    Math.max(start, at - LINE_LENGTH_MAX),
    Math.min(end < 0 ? text.length : end, at + LINE_LENGTH_MAX),
  );
}
