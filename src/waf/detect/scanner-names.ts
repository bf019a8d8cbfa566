/** How scanners name themselves. */

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

export const SURE = new Set(SCANNERS.split(' ').filter((name) => !HONEST.has(name)));

/** Spellings in which the honest words are the tool. */
export const SPELLINGS =
  /\bnmap scripting engine\b|\bnmap\b.{0,20}nse|^nmap|\bburp ?(?:suite|scanner|collaborator)\b|\bowasp[ _-]?(?:zap|dirbuster|zed)\b|\bzap\/\d|^zap\b|zed attack proxy|\bhydra\)|thc-hydra|\(hydra\)|\bmedusa\/\d|^dirb\b|xray\/\d|^katana\b|\bparos\/\d|rapid7|\bvega\/\d|\bmsf\b|^pangolin|^xsser|^absinthe|detectify|censysinspect|qualys|leakix|expanse|paloaltonetworks|internet-?measurement|security ?scan|vulnerability ?scan|\bexploit(?:er)?\b|pentest|\bfuzz faster|zgrab|python-requests.{0,40}scan|\bshellshock\b|hacker|webbandit|blackwidow|\$\(|mozilla\/4\.0 \(hydra|^hydra\b|^hello,? ?world$|^l9(?:explore|tcpid)|sql power injector|^brutus\b|^grabber\b|^paros\b|^metis\b|^n-stealth|^core-project\/|struts-pwn|datacha0s|uil2pn|cisco-torch|hash grabber/;
