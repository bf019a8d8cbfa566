/** Words that only the first pass waits for; loading this enters them into the table of words. */
import { SCANNERS } from '../detect/scanner-names.ts';
import { addWords, WORD_COMMAND_NAME, WORD_PROBE, WORD_SCANNER, WORD_STRONG } from '../features.ts';

addWords(SCANNERS, WORD_SCANNER);

addWords(
  'scan scanner scripting security fuzz attack exploit hacker pentest vulnerability shellshock webbandit hello explore tcpid injector brutus grabber paros metis stealth project pwn datacha uil torch blackwidow collaborator zed aced af',
  WORD_SCANNER,
);

/** Words of the paths that scanners ask for (detect/scanner.ts); each probe holds one, or a `/.`. */
addWords(
  'cvs wwwroot sftp w parameters config id rsa dsa server privatekey wp inf meta phpinfo phpunit eval ignition telescope profiler app actuator heapdump jolokia trace elmah boaform hnap gponform tmunblock test nbproject yml local sites settings ormconfig goform setup wso alfa webshell backdoor scripts pma muieblackcat xmlrpc wlwmanifest debug laravel storage dump backup database db mysql www wwwroot docker composer credentials secrets appsettings configuration localsettings terraform etc passwd shadow proc win boot manager jmx console invoker solr struts wls async remote dana vpns cscoe mgmt tmui geoserver nacos druid cat adminer fckeditor kcfinder elfinder filemanager ckfinder uploadify evox nmaplowercheck nice hidden vendor ws sitemanager filezilla robots axis device currentsetting onvif portal stalker php global containers namespaces bak old orig save copy tmp swp swo sql tar tgz zip rar gz kdbx pfx ppk jks ovpn tfstate log inetpub windows winnt phpmyadmin admin administrator swagger graphiql crossdomain jenkins myadmin dbadmin package readme changelog install test owa autodiscover ecp dockerfile cgi key pem inc conf cfg ini keystore jsp asp aspx py yml yaml properties parameters luci stok action ssh env xampp adm function git svn hg bzr aws kube rb lock wordpress htdocs',
  WORD_PROBE,
);

/** Words that mean something by themselves in a value, and seldom stand in one. */
const STRONG =
  'classloader proto prototype constructor definegetter definesetter lookupgetter lookupsetter constconstructorructor func invokefunction aced ffffffff javax ysoserial objectdataprovider textformattingrunproperties cmdshell dbms utl sysobjects springframework groovy mchange zaxxer qos caucho ibatis xalan automation windowsidentity componentmodel bindingsource fileinfo roleprincipal losformatter mainmodule binding dlopen getruntime diagnostics ognl popen methodaccessor phpinfo javascript vbscript livescript jscript shutdown schema zlib phar lampp spool';

addWords(STRONG, WORD_STRONG);

addWords(
  'select declare truncate exec ssh call java runtime kernel prepend include function into apache sun configuration python ruby process deno',
  WORD_COMMAND_NAME,
);
