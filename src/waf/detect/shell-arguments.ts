/** Whether what follows a program's name looks like its arguments and not like a sentence. */
import { BATCH_LOOP, type Command, isBlankAt, skipBlanks } from './shell-command.ts';
import { ALONE, EVERYDAY, SUBCOMMANDS, WITH_ARGUMENTS } from './shell-programs.ts';

/** `<<< word` and `<<EOF`, also behind an argument; `<<<<<<<` is a conflict of git's. */
const HERE_STRING = /^[^;|&\n<]{0,60}(?:<<<(?!<)|<<-?\s?['"\\]?\w{1,20}['"]?\n)/;

/** service nginx stop */
const SERVICE = /^[\w@.-]{1,40}\s{1,4}(?:start|stop|restart|reload|status)\b/;

/** +x, u+rx, a=rwx, 755, 4777 */
const MODE = /^(?:[ugoa]{0,4}[+=-][rwxXst]{1,6}|[0-7]{3,4})$/;

/** Whether what follows the command is an argument a shell would take and a sentence would not. */
export function hasArguments(text: string, command: Command): boolean {
  const start = skipBlanks(text, command.end);
  if (start >= text.length) return false;
  if (text.startsWith('$IFS', command.end) || text.startsWith('${IFS', command.end)) return true;
  if (text.startsWith('<>/', start)) return true;
  if (command.name === 'at') return text.startsWith('now', start);
  if (HERE_STRING.test(text.slice(command.end, command.end + 80))) return true;
  if (command.name === 'for') return BATCH_LOOP.test(text.slice(command.at, command.at + 160));
  if (start === command.end)
    return (
      '<>'.includes(text[start]!) && start + 1 < text.length && !'<>='.includes(text[start + 1]!)
    );
  let end = start;
  while (
    end < text.length &&
    end - start < 128 &&
    !isBlankAt(text, end) &&
    !';|&`)'.includes(text[end]!)
  )
    end++;
  const word = text.slice(start, end).replaceAll(/['"\\]|#$/g, '');
  const first = text[start]!;
  const after = skipBlanks(text, end);
  const last = after >= text.length || ';|&`)#>\'"'.includes(text[after]!);
  if (/^%\w{2,20}%/.test(word)) return true;
  if (first === '-' && /^--?[A-Za-z0-9]/.test(word)) return true;
  if (
    first === '/' ||
    first === '~' ||
    first === '$' ||
    first === '<' ||
    word.startsWith('./') ||
    word.startsWith('../')
  ) {
    if (first === '<' && text[start + 1] === '=') return false;
    if (word === '<' && !EVERYDAY.has(command.name)) return /[\w./~"'$]/.test(text[after] ?? ' ');
    return (
      word.length > 1 || first === '$' || last || /^\s{1,4}-[a-z]/.test(text.slice(end, end + 8))
    );
  }
  if (first === '>') return text[start + 1] !== '=';
  if ((first === "'" || first === '"') && !EVERYDAY.has(command.name)) return true;
  if (/^https?:\/\//i.test(word)) return true;
  if (/^(?:[a-z]:[\\/]|\\\\[\w.-]{1,80}\\)/i.test(text.slice(start, start + 84))) return true;
  if (command.name === 'service' && SERVICE.test(text.slice(start, start + 80))) return true;
  const does = SUBCOMMANDS.get(command.name);
  if (does?.test(word.toLowerCase()) || does?.test(word)) return true;
  switch (command.name) {
    case 'sleep':
    case 'timeout':
    case 'kill':
      return /^\d+[smh]?$/.test(word);
    case 'ping':
    case 'ping6':
    case 'nslookup':
    case 'dig':
    case 'host':
    case 'curl':
    case 'wget':
    case 'telnet':
    case 'ssh':
    case 'nc':
    case 'ncat':
    case 'traceroute':
    case 'tracert':
    case 'ftp':
    case 'tftp':
    case 'nmap':
    case 'whois':
    case 'finger':
    case 'rpcinfo':
    case 'showmount':
    case 'ssh-keyscan':
    case 'wget2':
    case 'lynx':
    case 'elinks':
    case 'w3m':
    case 'curl.exe':
    case 'wget.exe':
    case 'ping.exe':
    case 'nslookup.exe':
    case 'iwr':
    case 'irm':
    case 'invoke-webrequest':
    case 'invoke-restmethod':
      return /[.:$]/.test(word) || word === 'localhost' || (last && /^\d+$/.test(word));
    case 'echo':
    case 'printf':
      return last || /["'$`\\]/.test(text.slice(start, end));
    case 'export':
    case 'set':
    case 'env':
      return /^\w{1,40}=/.test(word) || ALONE.has(word);
    case 'start':
    case 'call':
      if (text.startsWith('""', start)) return true; // the title that start takes first
      return (last && ALONE.has(word)) || /\.(?:exe|bat|cmd|ps1)$/i.test(word);
    case '.':
    case 'source':
      return last && /^(?:[\w.-]{1,60}\.(?:sh|env|bash|\w?rc)|[\w./-]{1,60}\/activate)$/.test(word);
    case 'trap':
      return /\b(?:EXIT|ERR|DEBUG|RETURN|INT|TERM|HUP)\b/.test(text.slice(start, start + 80));
    case 'unset':
      return /^[A-Z_]{3,30}$/.test(word);
    case 'dd':
      return /^(?:if|of)=/.test(word);
    case 'useradd':
    case 'adduser':
    case 'userdel':
    case 'usermod':
    case 'groupadd':
    case 'killall':
    case 'pkill':
    case 'passwd':
    case 'tac':
    case 'nl':
    case 'od':
    case 'hexdump':
      return last && /^[\w.-]{1,40}$/.test(word);
    case 'su':
      return word === '-' || word === 'root';
    case 'powershell':
    case 'pwsh':
    case 'powershell.exe':
      return word === '-' || ALONE.has(word) || WITH_ARGUMENTS.has(word);
    case 'saps':
      return ALONE.has(word) || /\./.test(word);
    case 'copy':
    case 'move':
    case 'ren':
      return /^\S{1,60}\.\w{1,5}\s{1,4}\S{1,60}\.\w{1,5}(?:$|[\s;|&])/.test(
        text.slice(start, start + 130),
      );
    case 'socat':
      return /^\w{2,10}[:-]/.test(word);
    case 'cd':
      return /^(?:[/~.-]|\w{1,40}$)/.test(word) && last;
    case 'which':
    case 'whereis':
      return ALONE.has(word) || WITH_ARGUMENTS.has(word);
    case 'ps':
      return /^-?[a-z]{1,5}$/.test(word) && last;
    case 'grep':
    case 'egrep':
    case 'find':
    case 'findstr':
    case 'awk':
    case 'sed':
    case 'chown':
    case 'mv':
      return namesFile(text, start);
    case 'cmd':
    case 'cmd.exe':
      return word.startsWith('/');
    case 'python':
    case 'python3':
    case 'perl':
    case 'ruby':
    case 'php':
    case 'node':
    case 'bash':
    case 'sh':
      return /\./.test(word);
    case 'uname':
    case 'ls':
    case 'dir':
    case 'cat':
    case 'type':
    case 'head':
    case 'tail':
    case 'more':
    case 'less':
    case 'rm':
    case 'touch':
    case 'xxd':
    case 'base64':
    case 'strings':
    case 'rev':
    case 'paste':
    case 'cp':
    case 'del':
    case 'unlink':
    case 'shred':
    case 'truncate':
      return (
        /^[\w*?[\]~-]{0,60}\.[A-Za-z*?][\w*?]{0,10}$/.test(word) ||
        /[*?$/\\]/.test(word) ||
        (last && /^(?:flag|secret|passwd|shadow|\*)$/.test(word)) ||
        /^[0-7]{3}$/.test(word)
      );
    case 'tar':
      return /^[cxtru][a-zA-Z]{0,6}$/.test(word) || namesFile(text, start);
    case 'chmod':
      return MODE.test(word) || namesFile(text, start);
    case 'sudo':
    case 'eval':
    case 'exec':
    case 'nohup':
    case 'setsid':
    case 'xargs':
    case 'time':
    case 'busybox':
    case 'rlwrap':
    case 'command':
    case 'builtin':
      return ALONE.has(word) || (WITH_ARGUMENTS.has(word) && !EVERYDAY.has(word));
    default:
      return false;
  }
}

/** An option or a path among the next words, before the command ends. */
function namesFile(text: string, start: number): boolean {
  const words = text
    .slice(start, start + 128)
    .split(/[;|&\n]/, 1)[0]!
    .split(/\s+/, 8);
  return words.some((word) => /^-[a-z]|^[/~]|^[a-z]:[\\/]|[*$]/i.test(word));
}
