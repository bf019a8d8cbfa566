/** A command as a shell reads it: the word unquoted, and whether what follows are arguments. */

const WORD_MAX = 96;

/** Programs that stand alone and mean something alone; no English sentence holds them. */
export const ALONE = new Set(
  (
    'id whoami ls uname pwd env printenv ps ifconfig netstat ipconfig systeminfo tasklist sh bash zsh dash ' +
    'ksh csh tcsh busybox reboot shutdown halt poweroff dmesg lsof arp groups ver dir hostname df netcat nc ' +
    'w users lsb_release cmd cmd.exe powershell powershell.exe pwsh calc calc.exe notepad.exe uptime mount ' +
    'wmic sysinfo vol qwinsta quser getmac su sudo lscpu lsblk crontab'
  ).split(' '),
);

/** Programs that need an argument to matter, or whose name is an everyday word. */
export const WITH_ARGUMENTS = new Set(
  (
    'cat ping ping6 nslookup dig host curl wget nc ncat netcat socat telnet ssh scp ftp tftp sftp rsync python python2 ' +
    'python3 perl ruby php node lua sleep echo printf touch rm cp mv chmod chown kill pkill killall ip ss route ' +
    'set export head tail more less tac nl od xxd hexdump sort uniq awk gawk mawk sed grep egrep fgrep find tee dd base64 ' +
    'base32 mkfifo openssl useradd adduser usermod sendmail mail date who last type net net.exe certutil certutil.exe bitsadmin ' +
    'reg schtasks mshta rundll32 regsvr32 timeout gcc cc nohup exec eval source xargs strings rev cut test tr ' +
    'getent history mkdir rmdir ln stat file which whereis locate read diff cmp tar gzip gunzip unzip zip man ' +
    'info attrib del copy move erase ed vi vim install apt apt-get yum docker kubectl mysql mysqldump psql redis-cli nmap tcpdump ' +
    'traceroute tracert passwd start nslookup.exe ping.exe whoami.exe wget.exe curl.exe expr time trap unset alias ' +
    'iconv dir vol tree find findstr sc cscript wscript forfiles systemctl service journalctl ' +
    'iptables watch env sudo su time nice setsid chroot script expect git make pip npm true false ' +
    'iex invoke-expression invoke-webrequest start-process cd column fold comm flock strace ltrace gdb parallel gpg ' +
    'tclsh lwp-download lwp-request aria2c axel rclone ansible ansible-config cpulimit ionice stdbuf unshare nsenter capsh ' +
    'eval netsh setarch runuser doas pkexec nano emacs ex dmsetup nft arping fping hping3 mtr tshark ngrep smbclient ldapsearch ' +
    'mongo mongosh sqlite3 7z bzip2 xz zcat zgrep bzcat xzcat shuf paste join split csplit uuencode uudecode basenc ' +
    'md5sum sha1sum sha256sum cksum jq ar ld nm objdump readelf ldd pip3 gem npx deno cargo javac java jrunscript dotnet'
  ).split(' '),
);

/** Everyday words among them: alone, after a loose separator, they are English. */
export const EVERYDAY = new Set(
  'cat host date who last type net sort find head tail more less test time watch read install file history man info start set mail make true false w cut which users groups source service script export kill touch route nice expect sleep echo top tree move copy route script'.split(
    ' ',
  ),
);

export interface Command {
  readonly name: string;
  /** Where it begins and ends in the text. */
  readonly at: number;
  readonly end: number;
  /** Quotes, backslashes or an empty expansion stood inside the word. */
  readonly disguised: boolean;
  /** It was written with the folder it lies in. */
  readonly pathed: boolean;
}

/** Reads the word at `from` as a shell would, quotes and empty expansions removed. */
export function commandAt(text: string, from: number): Command | undefined {
  let at = skipBlanks(text, from);
  while (at < text.length && '({!'.includes(text[at]!)) at = skipBlanks(text, at + 1);
  // `; $u cat`: a variable that was never set is nothing.
  const unset = /^\$\w{1,12}\s{1,8}/.exec(text.slice(at, at + 24));
  if (unset) at += unset[0].length;
  const start = at;
  let word = '';
  let disguised = false;
  while (at < text.length && at - start < WORD_MAX) {
    const code = text.charCodeAt(at);
    if (code === 39 || code === 34) {
      disguised = true;
      at++;
    } else if (code === 92 || code === 94) {
      // \ for a shell, ^ for cmd.exe
      disguised = true;
      at++;
    } else if (code === 36) {
      const width = expansionWidth(text, at);
      if (width === 0) break;
      if (text.startsWith('IFS', at + 1) || text.startsWith('{IFS', at + 1)) break;
      disguised = true;
      at += width;
    } else if (isCommandPart(code)) {
      word += text[at];
      at++;
    } else break;
  }
  if (word === '') return undefined;
  const slash = word.lastIndexOf('/');
  const name = word.slice(slash + 1).toLowerCase();
  const pathed = slash >= 0 && /^\/(?:usr\/|local\/|s?bin\/)+$/.test(word.slice(0, slash + 1));
  if (slash >= 0 && !pathed) return undefined;
  return { name, at: start, end: at, disguised, pathed };
}

/** Length of an expansion that yields nothing: $@, $*, $1, ${x}, $x between letters. */
function expansionWidth(text: string, at: number): number {
  const next = text[at + 1] ?? '';
  if ('@*123456789!_-'.includes(next) && next !== '') return 2;
  if (next === "'" || next === '"') return 1; // $'id': a quoted word in bash
  if (next === '{') {
    const end = text.slice(at, at + 24).indexOf('}');
    return end < 0 ? 0 : end + 1;
  }
  return 0;
}

/** Whether what follows the command is an argument a shell would take and a sentence would not. */
export function hasArguments(text: string, command: Command): boolean {
  const start = skipBlanks(text, command.end);
  if (start >= text.length) return false;
  if (text.startsWith('$IFS', command.end) || text.startsWith('${IFS', command.end)) return true;
  if (text.startsWith('<>/', start)) return true;
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
    return (
      word.length > 1 || first === '$' || last || /^\s{1,4}-[a-z]/.test(text.slice(end, end + 8))
    );
  }
  if (first === '>') return text[start + 1] !== '=';
  if ((first === "'" || first === '"') && !EVERYDAY.has(command.name)) return true;
  if (/^https?:\/\//i.test(word) || /^[a-z]:[\\/]/i.test(text.slice(start, start + 3))) return true;
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
      return /[.:$]/.test(word) || word === 'localhost' || (last && /^\d+$/.test(word));
    case 'echo':
    case 'printf':
      return last || /["'$`\\]/.test(text.slice(start, end));
    case 'export':
    case 'set':
    case 'env':
      return /^\w{1,40}=/.test(word) || ALONE.has(word);
    case 'dd':
      return /^(?:if|of)=/.test(word);
    case 'socat':
      return /^\w{2,10}[:-]/.test(word);
    case 'getent':
      return /^(?:hosts|passwd|group|shadow|ahosts|services)$/.test(word);
    case 'cd':
      return /^(?:[/~.-]|\w{1,40}$)/.test(word) && last;
    case 'which':
    case 'whereis':
      return ALONE.has(word) || WITH_ARGUMENTS.has(word);
    case 'systemctl':
    case 'service':
      return /^(?:status|start|stop|restart|reload|enable|disable|list-\w{1,20})$/.test(word);
    case 'ps':
      return /^-?[a-z]{1,5}$/.test(word) && last;
    case 'grep':
    case 'egrep':
    case 'find':
    case 'findstr':
    case 'awk':
    case 'sed':
    case 'tar':
    case 'chown':
    case 'mv':
      return namesFile(text, start);
    case 'net':
    case 'netsh':
    case 'net.exe':
      return /^(?:user|users|localgroup|group|view|share|use|start|stop|accounts|firewall|advfirewall|wlan|interface|int)$/i.test(
        word,
      );
    case 'reg':
    case 'sc':
      return /^(?:query|add|delete|save)$/i.test(word);
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
    case 'tac':
    case 'nl':
    case 'rm':
    case 'touch':
    case 'xxd':
    case 'base64':
    case 'strings':
    case 'cp':
    case 'chmod':
    case 'del':
      return (
        /^[\w*?[\]~-]{0,60}\.[A-Za-z*?][\w*?]{0,10}$/.test(word) ||
        /[*?$/\\]/.test(word) ||
        (last && /^(?:flag|secret|passwd|shadow|\*)$/.test(word)) ||
        /^[0-7]{3}$/.test(word)
      );
    case 'sudo':
    case 'eval':
    case 'exec':
    case 'nohup':
    case 'xargs':
    case 'time':
    case 'busybox':
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

export function skipBlanks(text: string, at: number): number {
  while (at < text.length && isBlankAt(text, at)) at++;
  return at;
}

export function isBlankAt(text: string, at: number): boolean {
  return text.charCodeAt(at) <= 32;
}

function isCommandPart(code: number): boolean {
  const lower = code | 0x20;
  return (
    (lower >= 97 && lower <= 122) ||
    (code >= 48 && code <= 57) ||
    code === 45 ||
    code === 46 ||
    code === 47 ||
    code === 95
  );
}
