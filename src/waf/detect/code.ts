/** Code of a scripting language, handed to what evaluates it. */
import * as f from '../features.ts';
import type { Findings } from '../findings.ts';
import type { Subject } from '../subject.ts';

/** Server-side programs in a value. */
export function judgeCode(subject: Subject, findings: Findings): void {
  const { lower } = subject;
  // system/**/("id"): a comment between a function and what it is given
  const commented = subject.text.includes('*/');
  const text = commented ? subject.text.replace(/\/\*[^*]{0,80}\*\//g, '') : subject.text;
  const shown = (at: number): boolean => subject.prose && subject.quotesCode(at);
  const php = !text.includes('<?') ? -1 : lower.search(/<\?(?:php|=|\s)/);
  if (php >= 0 && !shown(php)) {
    const body = lower.slice(php, php + 2048);
    if (
      /\b(?:system|exec|shell_exec|passthru|popen|proc_open|eval|assert|base64_decode|phpinfo|file_put_contents|file_get_contents|fopen|fwrite|include|require|create_function|preg_replace|call_user_func|unlink|move_uploaded_file|readfile|scandir|gzinflate|str_rot13|copy|curl_exec|md5|print|die)\b\s{0,4}[\s('"@]|\$_(?:get|post|request|cookie|server|files)\b|`[^`]{1,200}`|\$\w+\s{0,2}\(/.test(
        body,
      ) &&
      !lower.startsWith('<?xml')
    ) {
      findings.signal('code-php', subject, php, php + 80, 'PHP that does more than print');
    }
  }
  if (subject.prose) return;
  const ssi = !text.includes('<!--')
    ? -1
    : lower.search(/<!--\s{0,4}#\s{0,4}(?:exec|include|echo|printenv|config|fsize|flastmod|set)\b/);
  const esi = lower.includes('<esi:')
    ? lower.search(/<esi:(?:include|inline|eval|vars|debug)\b/)
    : -1;
  if (esi >= 0) findings.signal('code-ssi', subject, esi, esi + 60, 'an edge-side include');
  if (ssi >= 0) findings.signal('code-ssi', subject, ssi, ssi + 60, 'a server-side include');
  if ((subject.words & f.WORD_CODE) === 0 && (subject.characters & f.DOLLAR) === 0) return;
  if (subject.document) return;
  if (SUPERGLOBAL.test(text)) {
    findings.signal('code-call', subject, 0, 80, "PHP's own variable as a value");
    return;
  }
  const broken = subject.place === 'header' ? null : CODE_BREAKOUT.exec(text);
  if (broken) {
    findings.signal(
      'code-call',
      subject,
      broken[0].length - 20,
      80,
      'a closed string, then a call',
    );
    return;
  }
  const call = CODE_CALL.exec(text);
  const quoted =
    call !== null && call.index > 0 && subject.trusting && subject.quotesCode(call.index);
  if (call && !quoted) {
    findings.signal(
      'code-call',
      subject,
      call.index,
      call.index + 80,
      `${JSON.stringify(call[0].slice(0, 40))} runs programs`,
    );
    return;
  }
  const start =
    /^[\s;'"`.@&|)+$({\\]{0,8}(?:system|exec|shell_exec|passthru|popen|proc_open|pcntl_exec|eval|assert|phpinfo|phpversion|die|print|echo|var_dump|print_r|file_get_contents|readfile|include|require|create_function|call_user_func|open|compile|execfile|exit|base64_decode|md5|highlight_file|show_source|file_put_contents|p?fsockopen|stream_socket_client|get_defined_\w{2,12}|get_class_\w{2,12}|call_user_method(?:_array)?|gzinflate|gzuncompress|str_rot13|convert_uudecode|ini_(?:set|restore|get_all)|parse_ini_file|posix_\w{2,14}|apache_\w{3,20}|register_\w{4,8}_function|set_\w{5,9}_handler|move_uploaded_file|unserialize|scandir|opendir|php_uname|getenv|fopen|chmod|unlink|__halt_compiler)\s{0,4}\(\s{0,4}(.?)/i.exec(
      text,
    );
  // `popen()` in a text, and execFile() of Node
  const isNamed =
    start !== null &&
    subject.place === 'json' &&
    subject.trusting &&
    ((text.charCodeAt(0) === 96 && subject.quotesCode(1)) || start[0].includes('execFile'));
  if (start && !isNamed && subject.place !== 'header') {
    const verb = /[a-z_0-9]+(?=\s{0,4}\()/i.exec(start[0])![0].toLowerCase();
    const strong =
      /^(?:system|shell_exec|passthru|popen|proc_open|pcntl_exec|phpinfo|phpversion|create_function|execfile|highlight_file|show_source|readfile|file_get_contents|file_put_contents|p?fsockopen|stream_socket_client|get_defined_\w+|get_class_\w+|call_user_method\w*|gzinflate|gzuncompress|str_rot13|convert_uudecode|ini_\w+|parse_ini_file|posix_\w+|apache_\w+|register_\w+|set_\w+|move_uploaded_file|unserialize|php_uname|__halt_compiler)$/.test(
        verb,
      );
    const nested =
      /\b(?:system|shell_exec|passthru|phpinfo|base64_decode|md5|popen|exec|compile|__import__|chr|getenv|scandir|glob|file_get_contents|\$_\w+)\s{0,4}[([]/i.test(
        text.slice(start[0].length - start[1]!.length),
      );
    const variable = start[1] === '$' && /\$_(?:GET|POST|REQUEST|COOKIE|SERVER)/i.test(text);
    const literal = (verb === 'exec' || verb === 'assert') && /^['"]/.test(start[1] ?? '');
    if (
      (strong && !/^(?:open|system)$/.test(verb)) ||
      (verb === 'system' && /['"$]/.test(start[1] ?? '')) ||
      nested ||
      variable ||
      literal
    ) {
      findings.signal('code-call', subject, 0, 80, `${verb}(...) as a value`);
    }
  }
}

const SUPERGLOBAL =
  /^\W{0,8}\$(?:_(?:GET|POST|COOKIE|REQUEST|SERVER|FILES|SESSION|ENV)|GLOBALS|HTTP_[A-Z_]{3,16}_VARS)\s{0,2}\[[^\]]{0,40}\]\W{0,8}$/;

/** x"; system("id"); // : the first quote closes what the program wrote, and a call follows. */
const CODE_BREAKOUT =
  /^[^'"`]{0,64}['"`]\s{0,4}[)\]}]{0,4}\s{0,4}[;.|&+,]\s{0,4}@?(?:system|exec|shell_exec|passthru|popen|proc_open|pcntl_exec|eval|assert|phpinfo)\s{0,4}\(/i;

const CODE_CALL =
  /__import__\s{0,4}\(|\bos\.(?:system|popen|exec[lv]p?e?|spawn\w{0,4})\s{0,4}\(|\bsubprocess\.(?:call|run|Popen|check_output|getoutput)\s{0,4}\(|require\s{0,4}\(\s{0,4}['"`](?:node:)?(?:child_process|fs|vm|net|os)['"`]\s{0,4}\)\s{0,4}\.|(?:\bimport\s{0,4}\(\s{0,4}['"`](?:node:)?(?:child_process|fs|vm|net|os)['"`]\s{0,4}\)\s{0,4}\.|(?:\b_load|\])\s{0,4}\(\s{0,4}['"`](?:node:)?(?:child_process|fs|vm)['"`])|\bprocess\.(?:mainModule|binding|dlopen)\b|\bgetRuntime\s{0,4}\(\s{0,4}\)|\bRuntime\.getRuntime\b|new\s{1,4}(?:java\.lang\.)?ProcessBuilder|\bjava\.lang\.(?:Runtime|ProcessBuilder|System)\b(?!\s[A-Za-z])|\bClass\.forName\s{0,4}\(|\bIO\.popen|Kernel\.(?:exec|system|spawn)|System\.Diagnostics\.Process|\bProcess\.Start\s{0,4}\(|\bclass\.module\.classLoader|\bclass\.classLoader|#_memberAccess|@ognl\.|@java\.lang|xwork\.MethodAccessor|redirect:\$\{|redirectAction:\$\{|\ballow_url_include\s{0,2}=|auto_prepend_file\s{0,2}=|\$_(?:GET|POST|REQUEST|COOKIE)\s{0,2}\[[^\]]{0,40}\]\s{0,2}\(|[\\/]think[\\/](?:app|request|container|module)\b|\bcall_user_func(?:_array)?\b|\binvokefunction\b|\bpg_exec\s{0,2}\(|\bglobal\.process\b|Deno\.(?:run|Command)|\bfunction\s{0,4}\(\)\s{0,4}\{[^}]{0,80}require\s{0,2}\(/;
