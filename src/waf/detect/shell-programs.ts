/** Names of programs that a shell runs, sorted by what they need beside them to mean one. */

/** Programs that stand alone and mean something alone; no English sentence holds them. */
export const ALONE = new Set(
  (
    'id whoami ls uname pwd env printenv ps ifconfig netstat ipconfig systeminfo tasklist sh bash zsh dash ' +
    'ksh csh tcsh busybox reboot shutdown halt poweroff dmesg lsof arp groups ver dir hostname df netcat nc ' +
    'w users lsb_release cmd cmd.exe powershell powershell.exe pwsh calc calc.exe notepad.exe uptime mount ' +
    'wmic sysinfo vol qwinsta quser getmac su sudo lscpu lsblk crontab ' +
    'nproc logname tty arch htop iotop pstree lspci lsusb lsmod lsns lsattr lsipc lslogins lsmem blkid findmnt ' +
    'vmstat iostat mpstat pidstat slabtop dmidecode hostnamectl timedatectl localectl loginctl networkctl compgen lastlog ' +
    'lastb chpasswd visudo vipw mktemp hostid domainname dnsdomainname runlevel getenforce sestatus dpkg rpm ash mksh rbash ' +
    'neofetch whoami.exe hostname.exe ipconfig.exe systeminfo.exe tasklist.exe netstat.exe driverquery gpresult msinfo32 ' +
    'klist gci gps umask taskkill iex invoke-expression'
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
    'invoke-webrequest invoke-restmethod start-process cd column fold comm flock strace ltrace gdb parallel gpg ' +
    'tclsh lwp-download lwp-request aria2c axel rclone ansible ansible-config cpulimit ionice stdbuf unshare nsenter capsh ' +
    'eval netsh setarch runuser doas pkexec nano emacs ex dmsetup nft arping fping hping3 mtr tshark ngrep smbclient ldapsearch ' +
    'mongo mongosh sqlite3 7z bzip2 xz zcat zgrep bzcat xzcat shuf paste join split csplit uuencode uudecode basenc ' +
    'md5sum sha1sum sha256sum cksum jq ar ld nm objdump readelf ldd pip3 gem npx deno cargo javac java jrunscript dotnet ' +
    '. for declare typeset command builtin mapfile readarray enable fc hash ulimit fdisk parted modprobe insmod rmmod sysctl ' +
    'busctl getcap setcap setfacl getfacl auditctl ausearch logger wall chsh chfn chage groupadd groupmod gpasswd userdel ' +
    'deluser addgroup newgrp chattr shred truncate unlink batch at atq screen tmux rlwrap whois finger rpcinfo showmount ' +
    'snmpwalk nbtscan ssh-keygen ssh-keyscan ssh-add sshpass autossh proxychains proxychains4 chisel wget2 lynx elinks w3m ' +
    'fetch yarn pnpm bun apk pacman dnf zypper conda crictl ctr podman nerdctl helm aws gcloud az terraform vault etcdctl ' +
    'mongodump pg_dump pg_dumpall mysqladmin sqlplus sqlcmd bcp cpio pax unrar rar zstd lz4 mknod mkpasswd nodejs luajit ' +
    'guile php-cgi irb jshell groovy octave gdbserver objcopy tcc clang hydra sqlmap msfvenom msfconsole masscan ' +
    'iwr irm gc saps start-bitstransfer call robocopy xcopy icacls cacls takeown vssadmin wbadmin bcdedit nltest dsquery ' +
    'csvde ldifde wevtutil fsutil diskpart esentutl expand extrac32 makecab msiexec installutil regasm regsvcs msbuild csc ' +
    'odbcconf pcalua net1 setx assoc ftype runas psexec cmdkey rd md mshta.exe rundll32.exe regsvr32.exe reg.exe ' +
    'du mkfs mkfs.ext2 mkfs.ext3 mkfs.ext4 mkfs.xfs mkfs.btrfs mkfs.vfat mkswap wipefs fsck ' +
    'hh ren init telinit gwmi free top schtasks.exe bitsadmin.exe wmic.exe cscript.exe wscript.exe tar.exe ssh.exe findstr.exe msiexec.exe'
  ).split(' '),
);

/** Everyday words among them: alone, after a loose separator, they are English. */
export const EVERYDAY = new Set(
  'cat host date who last type net sort find head tail more less test time watch read install file history man info start set mail make true false w cut which users groups source service script export kill touch route nice expect sleep echo top tree move copy free arch top screen fetch call at batch wall command enable hash for builtin declare expand vault truncate logger conda az finger ash md rd init telinit . ren'.split(
    ' ',
  ),
);

/** Programs that take a word for what to do. */
export const SUBCOMMANDS: ReadonlyMap<string, RegExp> = new Map(
  Object.entries({
    'docker podman nerdctl':
      /^(?:ps|run|exec|images|inspect|cp|pull|build|logs|info|version|save|load|commit|volume|network)$/,
    kubectl:
      /^(?:get|exec|apply|run|describe|delete|logs|cp|config|create|proxy|auth|port-forward)$/,
    'crictl ctr helm': /^(?:ps|pods|images|image|exec|list|ls|run|install|get|pull)$/,
    git: /^(?:clone|pull|push|fetch|checkout|log|config|init|remote|archive|ls-files|ls-remote|show|grep|submodule)$/,
    'pip pip3 gem conda': /^(?:install|download|list|freeze|uninstall|config)$/,
    'npm yarn pnpm bun': /^(?:i|ci|install|add|run|exec|dlx|x|publish|config)$/,
    'apt apt-get yum dnf apk zypper brew snap':
      /^(?:install|update|upgrade|add|remove|list|search|download)$/,
    'aws gcloud az':
      /^(?:s3|s3api|ec2|iam|sts|lambda|auth|compute|config|configure|secretsmanager|account|vm|login)$/,
    'vault terraform': /^(?:kv|read|login|token|apply|destroy|state|output|show)$/,
    ip: /^(?:a|addr|address|r|route|l|link|n|neigh|rule|netns|maddr|tunnel)$/,
    busctl: /^(?:list|tree|call|status|introspect)$/,
    'net net1 netsh net.exe':
      /^(?:user|users|localgroup|group|view|share|use|start|stop|accounts|firewall|advfirewall|wlan|interface|int)$/,
    'reg reg.exe sc': /^(?:query|add|delete|save|export|create|config|qc)$/,
    'wmic wmic.exe':
      /^(?:process|os|useraccount|service|product|qfe|bios|computersystem|logicaldisk|startup|path|csproduct)$/,
    vssadmin: /^(?:list|delete|create|resize)$/,
    route: /^(?:print|add|delete|-n)$/,
    fsutil: /^(?:fsinfo|usn|file|hardlink|volume|dirty|behavior)$/,
    'init telinit': /^[0-6]$/,
    'wscript cscript wscript.exe cscript.exe': /\.(?:vbs|jse?|wsf|vbe)$/,
    'gcc cc tcc clang go make': /\.(?:c|cc|cpp|go)$|^(?:run|build|install)$/,
    'sh dash ksh zsh': /^[\w.-]{1,40}$/,
    wevtutil: /^(?:cl|el|qe|clear-log)$/,
    bcdedit: /^\/?(?:set|enum|export)$/,
    'systemctl service':
      /^(?:status|start|stop|restart|reload|enable|disable|list-\w{1,20}|daemon-reload|cat|show)$/,
    openssl: /^(?:s_client|s_server|s_time|enc|req|x509|rand|passwd|base64|dgst|genrsa|speed)$/,
    getent: /^(?:hosts|passwd|group|shadow|ahosts|services)$/,
    at: /^now$/,
    'tmux screen': /^(?:new|new-session|ls|send-keys|attach)$/,
    chattr: /^[+=-][a-zA-Z]{1,4}$/,
    gwmi: /^win32_/,
    gci: /^(?:env|hkcu|hklm|cert|variable):/,
    'rundll32 rundll32.exe': /\.dll\b/,
    printenv: /^[A-Z_]{2,40}$/,
  }).flatMap(([names, words]) => names.split(' ').map((name) => [name, words] as const)),
);

/** What scripts ask for a value, `$(mktemp)`, developers' tools among them. */
export const SCRIPTED: ReadonlySet<string> = new Set(
  (
    'command compgen mktemp expr findmnt nproc git npm yarn pnpm bun pip pip3 gem conda docker podman kubectl ' +
    'helm go make systemctl'
  ).split(' '),
);
