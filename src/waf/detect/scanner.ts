/** Tools that look for weaknesses, by what they call themselves and by the files they ask for. */
import type { Findings } from '../findings.ts';
import type { Subject } from '../subject.ts';
import { DOT_SECRETS } from './path-names.ts';

/** Names of tools in User-Agent, each a word of its own. */
export const SCANNERS =
  'sqlmap nikto nmap masscan zgrab nuclei wpscan gobuster dirbuster dirb dirsearch feroxbuster ffuf wfuzz hydra acunetix nessus openvas netsparker invicti qualys arachni skipfish vega jaeles xray havij commix xsser sqlninja sqlsus bsqlbf fimap joomscan joomlavs droopescan cmsmap whatweb wappalyzer burp burpsuite burpcollaborator zap zaproxy owasp wapiti grabber grendel paros webinspect appscan rapid nexpose metasploit msf w3af webshag brutus medusa patator photon sqlbrute absinthe pangolin jorgee zmeu morfeus muieblackcat fhscan hellobot paloaltonetworks expanse censys shodan internetmeasurement netcraft springenwerk dalfox xsstrike katana httpx interactsh gospider hakrawler subfinder naabu whatwaf wafw00f crlfuzz nasl cgichk crimscanner dotdotpwn floodgate gootkit inspath jaascois mysqloit nsauditor pmafind toata dragostea voideye webvulnscan whcc sysscan autogetcontent bfac kiterunner aquatone eyewitness detectify probely tplmap ssrfmap nosqlmap struts log4shell leakix odin projectdiscovery';
/** Of those, the words that are also names of honest things: they need a version or a note beside them. */
const HONEST = new Set([
  'vega',
  'zap',
  'owasp',
  'photon',
  'hydra',
  'medusa',
  'rapid',
  'struts',
  'grabber',
  'paros',
  'odin',
  'brutus',
  'expanse',
  'dirb',
  'xray',
  'katana',
  'httpx',
  'censys',
  'shodan',
  'netcraft',
  'detectify',
  'wappalyzer',
  'qualys',
  'paloaltonetworks',
  'internetmeasurement',
  'leakix',
  'msf',
  'burp',
  'pangolin',
  'absinthe',
  'eyewitness',
  'nmap',
  'xsser',
]);
const SURE = new Set(SCANNERS.split(' ').filter((name) => !HONEST.has(name)));
/** Spellings in which the honest words are the tool. */
const SPELLINGS =
  /\bnmap scripting engine\b|\bnmap\b.{0,20}nse|^nmap|\bburp ?(?:suite|scanner|collaborator)\b|\bowasp[ _-]?(?:zap|dirbuster|zed)\b|\bzap\/\d|^zap\b|zed attack proxy|\bhydra\)|thc-hydra|\(hydra\)|\bmedusa\/\d|^dirb\b|xray\/\d|^katana\b|\bparos\/\d|rapid7|\bvega\/\d|\bmsf\b|^pangolin|^xsser|^absinthe|detectify|censysinspect|qualys|leakix|expanse|paloaltonetworks|internet-?measurement|security ?scan|vulnerability ?scan|\bexploit(?:er)?\b|pentest|\bfuzz faster|zgrab|python-requests.{0,40}scan|\bshellshock\b|hacker|webbandit|blackwidow|\$\(|mozilla\/4\.0 \(hydra|^hydra\b|^hello,? ?world$|^l9(?:explore|tcpid)|sql power injector|^brutus\b|^grabber\b|^paros\b|^metis\b|^n-stealth|^core-project\/|struts-pwn|datacha0s|uil2pn|cisco-torch|hash grabber/;

/** Files and folders that no visitor asks for, as ends or parts of a path. */
export const PROBES_SURE: readonly string[] = [
  '/.git/',
  '/.svn/',
  '/.hg/',
  '/.bzr/',
  '/cvs/root',
  '/.env',
  '/.aws/',
  '/.ssh/',
  '/.docker/',
  '/.kube/',
  '/.npmrc',
  '/.pypirc',
  '/.netrc',
  '/.pgpass',
  '/.htpasswd',
  '/.htaccess',
  '/.bash_history',
  '/.zsh_history',
  '/.mysql_history',
  '/.ds_store',
  '/.idea/',
  '/.vscode/',
  '/.gitlab-ci',
  '/.travis.yml',
  '/.circleci/',
  '/.git-credentials',
  '/.gitconfig',
  '/.dockerenv',
  '/.remote-sync.json',
  '/.ftpconfig',
  '/sftp-config.json',
  '/.dockercfg',
  '/.s3cfg',
  '/.boto',
  '/id_rsa',
  '/id_dsa',
  '/id_ed25519',
  '/server.key',
  '/privatekey.key',
  '/wp-config',
  '/web.config',
  '/web-inf/',
  '/meta-inf/context.xml',
  '/phpinfo.php',
  '/info.php',
  '/phpunit/src/',
  '/eval-stdin.php',
  '/_ignition/',
  '/telescope/requests',
  '/_profiler/',
  '/app_dev.php',
  '/actuator/heapdump',
  '/actuator/env',
  '/actuator/threaddump',
  '/actuator/gateway',
  '/actuator/jolokia',
  '/actuator/trace',
  '/actuator/logfile',
  '/actuator/httptrace',
  '/heapdump',
  '/jolokia/',
  '/trace.axd',
  '/elmah.axd',
  '/server-status',
  '/server-info',
  '/boaform/',
  '/hnap1',
  '/gponform/',
  '/nbproject/',
  '/config/config.yml',
  '/app/etc/local.xml',
  '/sites/default/settings.php',
  '/npm-debug.log',
  '/ormconfig.json',
  '/tmunblock.cgi',
  '/cgi-bin/test-cgi',
  '/goform/',
  '/setup.cgi',
  '/shell.php',
  '/cmd.php',
  '/c99.php',
  '/r57.php',
  '/wso.php',
  '/alfa.php',
  '/webshell',
  '/backdoor',
  '/shell.jsp',
  '/cmd.jsp',
  '/shell.aspx',
  '/cmd.aspx',
  '/cmd.asp',
  '/phpmyadmin/scripts/',
  '/phpmyadmin/setup',
  '/pma/scripts',
  '/cgi-bin/luci',
  '/;stok=',
  '/muieblackcat',
  '/w00tw00t',
  '/wlwmanifest.xml',
  '/wp-content/debug.log',
  '/debug.log',
  '/error_log',
  '/error.log',
  '/access.log',
  '/laravel.log',
  '/storage/logs/',
  '/dump.sql',
  '/backup.sql',
  '/database.sql',
  '/db.sql',
  '/mysql.sql',
  '/users.sql',
  '/site.sql',
  '/backup.zip',
  '/backup.tar',
  '/backup.rar',
  '/www.zip',
  '/wwwroot.',
  '/site.zip',
  '/db.zip',
  '/database.sqlite',
  '/db.sqlite',
  '/docker-compose.yml',
  '/composer.lock',
  '/config.json.bak',
  '/credentials.json',
  '/secrets.json',
  '/secrets.yml',
  '/database.yml',
  '/settings.py',
  '/config/parameters.yml',
  '/application.properties',
  '/application.yml',
  '/appsettings.json',
  '/configuration.php',
  '/config.inc.php',
  '/localsettings.php',
  '/config.php.bak',
  '/.vault',
  '/terraform.tfstate',
  '/.terraform/',
  '/etc/passwd',
  '/etc/shadow',
  '/proc/self/',
  '/win.ini',
  '/boot.ini',
  '/manager/html',
  '/host-manager/html',
  '/jmx-console',
  '/web-console/',
  '/invoker/jmxinvokerservlet',
  '/solr/admin',
  '/struts2-showcase',
  '/wls-wsat/',
  '/_async/',
  '/console/login/loginform.jsp',
  '/remote/fgt_lang',
  '/dana-na/',
  '/vpns/',
  '/+cscoe+/',
  '/mgmt/tm/',
  '/tmui/',
  '/geoserver/web',
  '/nacos/v1',
  '/druid/index',
  '/_cat/indices',
  '/phpmyadmin.bak',
  '/adminer.php',
  '/adminer-',
  '/fckeditor/',
  '/kcfinder/',
  '/elfinder/connectors',
  '/filemanager/connectors',
  '/ckfinder/',
  '/uploadify.php',
  '/evox/about',
  '/nmaplowercheck',
  '/nice%20ports',
  '/nice ports',
  '/hidden/.',
  '/vendor/.',
  '/ws_ftp.log',
  '/sitemanager.xml',
  '/filezilla.xml',
  '/web.config.bak',
  '/index.php.bak',
  '/index.php~',
  '/robots.txt.bak',
  '/axis2/',
  '/axis-cgi/',
  '/device.rsp',
  '/currentsetting.htm',
  '/onvif/',
  '/portal/redlion',
  '/stalker_portal',
  '/php-cgi/',
  '/global-protect/',
  '/containers/json',
  '/api/v1/namespaces',
  '/latest/meta-data',
];
/** Pages that an administrator may well have; at a higher level only. */
export const PROBES_LIKELY: readonly string[] = [
  '/phpmyadmin',
  '/pma/',
  '/cgi-bin/',
  '/xmlrpc.php',
  '/wp-json/wp/v2/users',
  '/test.php',
  '/install.php',
  '/setup.php',
  '/owa/auth/',
  '/autodiscover/autodiscover',
  '/ecp/',
  '/dockerfile',
  '/wp-login.php',
  '/wp-admin',
  '/administrator/',
  '/admin.php',
  '/admin/login',
  '/actuator',
  '/swagger-ui',
  '/swagger.json',
  '/graphiql',
  '/.well-known/security.txt',
  '/crossdomain.xml',
  '/console/',
  '/solr/',
  '/jenkins/',
  '/mysql/',
  '/myadmin',
  '/dbadmin',

  '/login.action',
  '/package.json',
  '/composer.json',
  '/readme.md',
  '/changelog.txt',
];
const BACKUP_ENDS =
  /\.(?:bak|old|orig|save|swp|swo|backup|sql\.gz|sql|tmp|inc|cfg|conf|ini|pem|key|kdbx|pfx|p12|ppk|jks|keystore|ovpn|tfstate|~)$|~$/;
const BACKUP_SURE =
  /\.(?:php|asp|aspx|jsp|py|rb|js|json|xml|yml|yaml|env|html?|sql|config|ini|conf|tar|gz|zip)\.?(?:bak|old|orig|save|swp|swo|backup|~|copy|1|tmp)$|\.(?:php|aspx?|jsp|py|rb)~$|\/(?:backup|db|dump|database|site|www|wwwroot|mysql|htdocs|public_html|web|data|sql|users?|wordpress|prod|production)[\w.-]{0,20}\.(?:sql|tar|tar\.gz|tgz|zip|rar|7z|gz|bak)$|\/\.[\w-]{1,40}\.sw[op]$|\.(?:kdbx|pfx|p12|ppk|jks|ovpn|tfstate)$/;

export function detectScanner(subject: Subject, findings: Findings): void {
  const { lower } = subject;
  if (subject.place === 'header') {
    if (subject.name === 'user-agent') judgeAgent(subject, findings);
    else if (
      /^(?:x-scan(?:ner)?|x-wipp|acunetix-.*|x-ratproxy-loop|x-scan-memo|x-wapiti.*)$/.test(
        subject.name,
      ) ||
      /acunetix|netsparker/.test(subject.name)
    ) {
      findings.signal('scanner-agent', subject, 0, 80, `the header ${subject.name}`);
    }
    return;
  }
  if (subject.place !== 'path') return;
  const path = `${lower
    .split('\0')[0]!
    .replaceAll('\\', '/')
    .replace(/\/{2,}/g, '/')}`;
  if (SHOWN_SOURCE.test(path)) return;
  const ended = path.endsWith('/') ? path : `${path}/`;
  for (const probe of PROBES_SURE) {
    const at = ended.indexOf(probe);
    if (at < 0) continue;
    if (!boundedProbe(ended, probe, at)) continue;
    findings.signal('scanner-probe', subject, at, at + probe.length + 20, `asks for ${probe}`);
    return;
  }
  const parts = BACKUP_SURE.exec(path);
  if (parts) {
    findings.signal(
      'scanner-probe',
      subject,
      parts.index,
      path.length,
      'asks for a copy of a program or a database',
    );
    return;
  }
  const dotted = path.includes('/.') ? DOT_SECRETS.exec(path) : null;
  if (dotted && !/\.env\.(?:example|sample|template|dist)\b/.test(path)) {
    findings.signal(
      'scanner-probe',
      subject,
      dotted.index,
      path.length,
      `asks for ${dotted[0]}, which belongs to a person's account`,
    );
    return;
  }
  const backup = BACKUP_ENDS.exec(path);
  if (backup)
    findings.signal(
      'scanner-likely',
      subject,
      backup.index,
      path.length,
      'asks for a copy or a key',
    );
  for (const probe of PROBES_LIKELY) {
    if (ended.includes(probe)) {
      findings.signal('scanner-likely', subject, 0, 80, `asks for ${probe}`);
      return;
    }
  }
}

/** A page of a forge that shows a file of somebody's sources: /ann/tool/blob/main/... */
const SHOWN_SOURCE = /^\/[\w.~-]{1,64}\/[\w./-]{1,128}\/(?:blob|tree|raw|blame|edit|commits)\/[^/]/;

/** A probe that ends in a name must end there in the path: /info.php, not /info.phpx; /.env.local. */
function boundedProbe(path: string, probe: string, at: number): boolean {
  const last = probe.charCodeAt(probe.length - 1);
  const named = (last >= 97 && last <= 122) || (last >= 48 && last <= 57);
  if (!named) return true;
  if (probe === '/.env' && /^\.(?:example|sample|template|dist)\b/.test(path.slice(at + 5)))
    return false;
  const next = path.charCodeAt(at + probe.length);
  const letter =
    (next >= 97 && next <= 122) || (next >= 48 && next <= 57) || next === 45 || next === 95;
  return !letter;
}

function judgeAgent(subject: Subject, findings: Findings): void {
  const { lower } = subject;
  let start = -1;
  for (let at = 0; at <= lower.length; at++) {
    const code = at < lower.length ? lower.charCodeAt(at) : 32;
    const part = (code >= 97 && code <= 122) || (code >= 48 && code <= 57);
    if (part && start < 0) start = at;
    else if (!part && start >= 0) {
      const word = lower.slice(start, at);
      if (SURE.has(word)) {
        findings.signal('scanner-agent', subject, start, at + 20, `calls itself ${word}`);
        return;
      }
      start = -1;
    }
  }
  const spelling = SPELLINGS.exec(lower);
  if (spelling)
    findings.signal(
      'scanner-agent',
      subject,
      spelling.index,
      spelling.index + 40,
      `calls itself ${spelling[0]}`,
    );
  else if (
    /^(?:curl|wget|python-requests|python-urllib|go-http-client|libwww-perl|java)\/?/.test(lower) ||
    lower === '-' ||
    lower === ''
  ) {
    findings.signal('scanner-library', subject, 0, 60, 'a bare library');
  }
}
