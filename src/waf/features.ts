/**
 * What a text is made of, found in one pass: which characters with a meaning in some grammar, and
 * which words that some detector waits for. A detector whose characters and words are absent is
 * not run. The same tables serve the first pass over raw bytes (first-pass/).
 *
 * Words are maximal runs of letters, compared by a hash of their lower case: a collision costs a
 * detector's run and nothing else.
 */

/** Character features. */
export const SQUOTE = 1 << 0;
export const DQUOTE = 1 << 1;
export const BACKTICK = 1 << 2;
export const LESS = 1 << 3;
export const PAREN = 1 << 4;
export const SEMICOLON = 1 << 5;
export const PIPE = 1 << 6;
export const AMPERSAND = 1 << 7;
export const DOLLAR = 1 << 8;
export const BRACE = 1 << 9;
export const BRACKET = 1 << 10;
export const PERCENT = 1 << 11;
export const BACKSLASH = 1 << 12;
export const SLASH = 1 << 13;
export const COLON = 1 << 14;
export const EQUALS = 1 << 15;
export const SPACE = 1 << 16;
export const HASH = 1 << 17;
export const DOT = 1 << 18;
export const NEWLINE = 1 << 19;
export const CONTROL = 1 << 20;
export const HIGH = 1 << 21;
export const PLUS = 1 << 22;
export const STAR = 1 << 23;
export const GREATER = 1 << 24;
export const AT = 1 << 25;
export const OTHER = 1 << 26;

/** Word features. */
export const WORD_SQL = 1 << 0;
export const WORD_LOGIC = 1 << 1;
export const WORD_SCRIPT = 1 << 2;
export const WORD_FILE = 1 << 3;
export const WORD_COMMAND = 1 << 4;
export const WORD_CODE = 1 << 5;
export const WORD_SCANNER = 1 << 6;
export const WORD_PROBE = 1 << 7;
export const WORD_URL = 1 << 8;
export const WORD_XML = 1 << 9;
export const WORD_COMMAND_NAME = 1 << 10;
/** Words that matter in a body that holds no telling character at all (first-pass/). */
export const WORD_BODY = 1 << 11;
/** Names of languages and types that serialised objects carry. */
export const WORD_TYPE = 1 << 12;
/** Names that give away a header of a program's own: files of the system, hosts of its network. */
export const WORD_HEADER = 1 << 13;
/** Functions that call what they are handed or make one of a text, and what a $where begins with. */
export const WORD_CALLER = 1 << 14;
/** Programs and calls that hand a shell to another host, and those that Windows hides or fetches with. */
export const WORD_REMOTE = 1 << 15;
/** Words that mean something by themselves wherever they stand (first-pass/). */
export const WORD_STRONG = 1 << 16;
/** What an expression for a $where begins with. Everyday words: alone they tell nothing. */
export const WORD_WHERE = 1 << 17;

/** Words that, alone or among others like them, make a text no plain one. */
export const WORDS_TELLING = ~(WORD_LOGIC | WORD_WHERE);

const CHARACTERS: readonly (readonly [string, number])[] = [
  ["'", SQUOTE],
  ['"', DQUOTE],
  ['`', BACKTICK],
  ['<', LESS],
  ['(', PAREN],
  [';', SEMICOLON],
  ['|', PIPE],
  ['&', AMPERSAND],
  ['$', DOLLAR],
  ['{', BRACE],
  ['[', BRACKET],
  ['%', PERCENT],
  ['\\', BACKSLASH],
  ['/', SLASH],
  [':', COLON],
  ['=', EQUALS],
  [' ', SPACE],
  ['\t', SPACE],
  ['\n', NEWLINE],
  ['\r', NEWLINE],
  ['#', HASH],
  ['.', DOT],
  ['+', PLUS],
  ['*', STAR],
  ['>', GREATER],
  ['@', AT],
  ['!', OTHER],
  ['^', OTHER],
  ['~', OTHER],
  ['?', OTHER],
  [',', OTHER],
  ['-', OTHER],
  [')', OTHER],
  [']', OTHER],
  ['}', OTHER],
];

/** Feature of each byte; 0 for letters, digits and the underscore. */
export const FEATURE_OF = new Int32Array(256);
for (let byte = 0; byte < 256; byte++) {
  if (byte < 0x20 || byte === 0x7f) FEATURE_OF[byte] = CONTROL;
  if (byte >= 0x80) FEATURE_OF[byte] = HIGH;
}
for (const [character, feature] of CHARACTERS) FEATURE_OF[character.charCodeAt(0)] = feature;

/** Lower-case code of each byte that is a letter, else 0. */
export const LETTER_OF = new Uint8Array(256);
for (let code = 97; code <= 122; code++) {
  LETTER_OF[code] = code;
  LETTER_OF[code - 32] = code;
}

/** Many more slots than words, so that an everyday word seldom meets a telling one's. */
const WORD_SLOTS = 65_536; // as many as `wordSlot` tells apart

/** Word features by hash of the word: index with `wordSlot(hash)`. */
export const WORD_FEATURE_OF = new Int32Array(WORD_SLOTS);

/** The hash of a word, one letter further. Starts at 0. */
export function wordHash(hash: number, letter: number): number {
  return (Math.imul(hash, 31) + letter) | 0;
}

export function wordSlot(hash: number): number {
  return Math.imul(hash, 0x9e3779b1) >>> 16;
}

export const WORDS: Readonly<Record<string, number>> = {
  'select union insert update delete drop alter truncate exec execute declare shutdown waitfor sleep benchmark having order group procedure outfile dumpfile extractvalue updatexml schema master xp sp pg dbms utl sqlite randomblob load version case create grant merge limit sys openrowset information xmltype concat char substring substr ascii begin call rlike regexp handler rename replace convert cast database between':
    WORD_SQL,
  'or and xor like not is in div': WORD_LOGIC,
  'script javascript vbscript livescript alert confirm prompt document window location eval expression constructor cookie fetch onerror onload onclick onfocus onmouseover iframe srcdoc adw import function settimeout self top parent frames':
    WORD_SCRIPT,
  'bin bashrc zshrc netrc etc passwd shadow proc environ boot win ini windows winnt system inf web htpasswd htaccess ssh rsa dsa ecdsa var log home root hosts php phar expect zip glob data file config env git aws bash history opt usr inetpub wwwroot tomcat conf compress ogg rar zlib input filter':
    WORD_FILE,
  'xterm powercat eval netsh sysinfo cat ls id whoami uname ping nslookup dig host curl wget nc ncat netcat bash sh zsh dash ksh csh tcsh fish python perl ruby node lua sleep echo printf touch rm cp mv chmod chown kill ps netstat ifconfig ip env set export head tail more less tac nl od xxd sort uniq awk sed grep egrep find tee dd mkfifo telnet ssh scp ftp tftp socat openssl crontab useradd adduser sudo su mail sendmail hostname pwd date uptime df du mount who last dir type net powershell pwsh cmd certutil bitsadmin reg tasklist systeminfo ipconfig wmic mshta timeout gcc nohup source xargs busybox strings rev cut test dev shutdown reboot halt groups arp route ss lsof printenv getent base ifs iex rundll regsvr cscript wscript start calc notepad strace gdb vi vim ed screen tmux install apt yum kubectl docker mysql psql redis true false history mkdir rmdir ln stat file which whereis locate read jobs bg fg exit diff cmp comm split join paste tar gzip gunzip unzip zip man info vol ver tree attrib del copy move rename erase sc at schtasks gawk mawk dmesg lsb pkill killall nmap tcpdump traceroute tracert doas unset alias trap wait umask chroot runuser setsid script expect git svn make pip npm':
    WORD_COMMAND,
  'contents esi fsockopen socket defined class method gzinflate gzuncompress uudecode ini posix apache register handler uploaded unserialize uname compiler system exec eval assert passthru popen proc runtime processbuilder classloader getclass forname require process subprocess builtins globals mro subclasses lipsum cycler freemarker velocity smarty ognl memberaccess javax springframework php objectinputstream objectdataprovider func ruby python phpinfo assign think invokefunction phpversion readfile highlight execfile os md spawn java allow auto prepend deno kernel':
    WORD_CODE,
  'localhost metadata http https ftp gopher dict ldap ldaps tftp sftp file jar netdoc php data nip xip sslip localtest lvh vcap spoofed ms rbndr lacolhost yoogle oast interact oastify burpcollaborator dnslog instance ceye bxss xss canarytokens requestrepo pingb eyes':
    WORD_URL,
  'doctype entity xinclude include xi xsl stylesheet system public document transform unparsed':
    WORD_XML,
  'union select order having waitfor exec execute drop insert delete truncate declare etc passwd shadow proc win boot ssh htaccess htpasswd php expect root var inetpub windows winnt sys localhost metadata http https ftp gopher dict ldap rmi jar netdoc apache sun java python ruby rce nd js py doctype entity passthru nc ncat netcat powershell pwsh cmd certutil bitsadmin regsvr mshta powercat xterm socat call function into dual pg sqlite outfile dumpfile procedure mysql tables':
    WORD_BODY,
  'apache sun java javax springframework system objectdataprovider python ruby function nd func py proto prototype constructor definegetter definesetter lookupgetter lookupsetter constconstructorructor ysoserial groovy zaxxer mchange caucho logback textformattingrunproperties qos jdk type dynamic sorted rce ibatis':
    WORD_TYPE,
  'etc passwd shadow proc winnt localhost metadata kubernetes': WORD_HEADER,
  'nc ncat netcat powercat xterm telnet openssl socat mkfifo mknod tcp udp ztcp socket sockets tcpsocket tcpstream tcpclient fsockopen sockaddr net powershell pwsh iex invoke iwr irm downloadstring cmd command comspec certutil bitsadmin mshta regsvr rundll':
    WORD_REMOTE,
  'cmd exec command execute run shell ping daemon upload do': WORD_COMMAND_NAME,
  'array usort uasort uksort call forward preg mb register header iterator ob set spl session filter fromcallable reflectionfunction callbackfilteriterator assert sqlite xml function asyncfunction generatorfunction asyncgeneratorfunction reflect constructor settimeout setinterval setimmediate this db':
    WORD_CALLER,
  'this return while sleep db function var let': WORD_WHERE,
};
for (const [words, feature] of Object.entries(WORDS)) addWords(words, feature);

/** Adds words that detectors wait for; only letters count. */
export function addWords(words: string, feature: number): void {
  for (const word of words.split(/[^a-z]+/)) {
    if (word === '') continue;
    let hash = 0;
    for (let at = 0; at < word.length; at++) hash = wordHash(hash, word.charCodeAt(at));
    WORD_FEATURE_OF[wordSlot(hash)]! |= feature;
  }
}

export function startsWithDigit(text: string): boolean {
  const first = text.charCodeAt(0);
  return first >= 48 && first <= 57;
}

/** `1 or 1`: words and numbers alone that still may be a condition. */
export function isShortSum(text: string): boolean {
  return text.length < 48 && startsWithDigit(text);
}

/** What the last call of `scan` found. Read at once: one thread, one text at a time. */
export const scanned = { characters: 0, words: 0 };

/** Fills `scanned` with the features of a text. */
export function scan(text: string): void {
  let characters = 0;
  let words = 0;
  let hash = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code > 255) {
      characters |= HIGH;
      hash = 0;
      continue;
    }
    const letter = LETTER_OF[code]!;
    if (letter !== 0) {
      hash = wordHash(hash, letter);
      continue;
    }
    if (hash !== 0) {
      words |= WORD_FEATURE_OF[wordSlot(hash)]!;
      hash = 0;
    }
    characters |= FEATURE_OF[code]!;
  }
  if (hash !== 0) words |= WORD_FEATURE_OF[wordSlot(hash)]!;
  scanned.characters = characters;
  scanned.words = words;
}
