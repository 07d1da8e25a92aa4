"""What is never done for anyone unattended, and never offered from a peer: the refused classes, with the reason.

Each check looks at one argv. They are broad on purpose: what they miss is still on no list and waits for a
person; what they catch is not even offered.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from meshcore.knowledge.text import word_set
from meshcore.policy.command_parser import INTERPRETERS, program
from meshcore.policy.denylist.package_managers import PACKAGE_MANAGERS
from meshcore.policy.denylist.programs import CHECKS
from meshcore.policy.denylist.refusal import SECRET_FILES, Refusal, shortened
from meshcore.policy.denylist.verbs import verb_of_destruction
from meshcore.policy.plain_words import Argv
from meshcore.policy.question import Author

_MAY_ASK: dict[Author, frozenset[str]] = {
    "self": frozenset(
        {"inline code", "remote code", "data leaving", "argument injection", "code as input", "data added", "computed"}
    ),
    "own": frozenset({"inline code", "remote code", "data leaving"}),
    "peer": frozenset(),
}


def refusal(commands: Sequence[Argv], author: Author = "peer") -> Refusal | None:
    """Return the first reason why any of these commands is refused, None where there is none.

    From the own operator, code on the command line and network programs may be asked for; from a peer they may not. To
    what was typed here a moment ago (`self`) nobody has added an option or a program, and it may add to data once more.
    """
    under = any(program(argv[0]) in {"xargs", "parallel"} for argv in commands if argv)
    packages = bool(commands) and bool(commands[0]) and program(commands[0][0]) in PACKAGE_MANAGERS
    for argv in commands:
        found = _refusal(argv, packages and argv is not commands[0])
        name = program(argv[0]) if argv else ""
        if found is None and under and name in _NOT_UNDER_XARGS | INTERPRETERS:
            kind = "destruction" if name in _NOT_UNDER_XARGS else "code as input"
            found = Refusal(kind, f"{name} on whatever its input names")
        if found is not None and found.kind not in _MAY_ASK[author]:
            return found
    return None


_NOT_UNDER_XARGS = frozenset({"rm", "unlink", "chmod", "chown", "mv", "kill", "truncate"})
_OPEN_FOLDERS = re.compile(r"/(?:private/)?(?:tmp|var/tmp|dev/shm|dev/fd|proc)/")


def _refusal(argv: Argv, package: bool) -> Refusal | None:
    name = program(argv[0])
    if not name:
        return None
    if name[0] in "$`" or "$(" in name or "{" in name:
        return Refusal("computed", "the program is computed by a shell")
    if _OPEN_FOLDERS.match(argv[0]):
        return Refusal("remote code", f"{shortened(argv[0])} is in a folder that everyone may write to")
    for check in (_by_name, _by_place, _by_weakening, _by_environment):
        if (found := check(argv)) is not None:
            return found
    if name == "." and len(argv) == 1:
        return None  # a word after a wrapper, not the shell's command
    own = CHECKS.get(name) or CHECKS.get(re.sub(r"[\d.]+$", "", name))
    if own is not None and (found := own(argv)) is not None:
        return found
    return verb_of_destruction(argv, known=own is not None, package=package)


# By the program's name alone

_NAMES: dict[str, tuple[str, str]] = {
    "raises privileges": (
        "privilege",
        "sudo sudoedit doas su pkexec runuser setpriv gosu su-exec newgrp sg chroot nsenter unshare setcap capsh "
        "visudo passwd chpasswd useradd usermod userdel groupadd groupmod groupdel gpasswd adduser deluser "
        "addgroup delgroup chsh chfn vipw vigr insmod modprobe rmmod kexec dscl polkit-agent authconfig "
        "authselect",
    ),
    "destroys data or stops the host": (
        "destruction",
        "mkfs wipefs shred fdisk cfdisk sfdisk parted sgdisk gdisk mkswap swapoff blkdiscard badblocks cryptsetup "
        "srm dropdb dropuser lvremove vgremove pvremove lvreduce mdadm zpool reboot shutdown halt poweroff "
        "telinit init killall killall5 pkill skill fallocate truncate diskutil format hdparm nvme sg_format dd "
        "debugfs e2fsck fsck resize2fs xkill",
    ),
    "stays behind or starts by itself": (
        "persistence",
        "at batch systemd-run launchctl update-rc.d chkconfig rc-update screen tmux chattr start-stop-daemon daemonize "
        "incron incrontab disown atd anacron",
    ),
    "weakens the host's protection": (
        "weakening",
        "setenforce semanage setsebool restorecon chcon aa-disable aa-complain aa-teardown apparmor_parser "
        "auditctl ufw iptables ip6tables nft firewall-cmd ebtables ipset spctl csrutil pfctl netsh",
    ),
    "moves data over the network": (
        "data leaving",
        "nc ncat netcat socat telnet ftp tftp lftp sftp scp rcp ngrok cloudflared chisel frpc croc wormhole "
        "dnscat iodine nmap masscan tcpdump tshark hydra sshuttle autossh mosh rclone gsutil s3cmd mc azcopy "
        "sendmail mail mailx mutt swaks ping ping6 traceroute dig nslookup host drill whois finger wall write rsh "
        "rlogin rexec ftpd webfsd qrcp transfer bore",
    ),
    "hands out secrets": (
        "secrets",
        "printenv history fc gpg gpg2 gpgsm pass secret-tool keyring gopass op bw lpass security kwallet-query "
        "ssh-add ssh-agent ssh-copy-id gcore mimipenguin chage getent klist kinit ansible-vault age sops "
        "aws-vault unshadow john hashcat doppler chamber berglas",
    ),
    "runs code that comes from elsewhere": (
        "remote code",
        "npx bunx uvx pnpx dlx easy_install sh-install msfconsole msfvenom powershell iex osascript source eval trap "
        "piped-into-interpreter alias enable bind hash complete mapfile readarray compgen function run-parts m4 ",
    ),
    "is an editor, a pager or a debugger, which can run anything": (
        "inline code",
        "vi vim nvim view vimdiff rvim ex ed red emacs nano pico joe micro less more most gdb lldb expect dialog "
        "watch script scriptreplay strace ltrace perf bpftrace dtrace stap valgrind ld.so ld-linux-x86-64.so.2 "
        "jshell irb",
    ),
    "works on the programs of other people": (
        "persistence",
        "crontab kadmin ldapmodify ldapadd ldapdelete net.exe reg",
    ),
    "hides a program behind another": (
        "disguise",
        "coproc busybox toybox too-many-commands proxychains torsocks tsocks",
    ),
    "mounts": ("privilege", "mount umount losetup dmsetup fusermount sshfs swapon pivot_root"),
}
_BY_NAME = {name: Refusal(kind, why) for why, (kind, names) in _NAMES.items() for name in names.split()}
_PROBES_OF_NAMES = re.compile(r"--version|--help|-V|-l|list")


def _by_name(argv: Argv) -> Refusal | None:
    name = program(argv[0])
    found = _BY_NAME.get(name) or (_BY_NAME["mkfs"] if name.startswith("mkfs.") else None)
    if found is None or (len(argv) == 2 and _PROBES_OF_NAMES.fullmatch(argv[1]) and found.kind != "privilege"):
        return None
    return Refusal(found.kind, f"{name} {found.reason}")


# By the files that a word names

_MESH_FILES = re.compile(
    r"meshtui|\.mesh\.db|bridge[\w-]{0,20}\.db|claude_bridge|skills_database\.json|\.db-(?:wal|shm)$|\.claude/", re.I
)
_SYSTEM = re.compile(
    r"^(?:/$|/\*|/(?:etc|usr|bin|sbin|lib\w*|boot|sys|proc|root|dev|var(?!/(?:tmp|folders)/))(?:/|$)|/home/?$|/home/[^/]+/?$"
    r"|/Users(?:/|$)|/Library|/System|/Applications|/private/(?:etc|var/db))|^~/?$|^\$\{?HOME\}?/?\*?$|^~/\*"
)
_START_FILES = re.compile(
    r"authorized_keys|known_hosts|\.(?:bash|zsh|k?sh|tcsh|csh)(?:rc|_profile|_login|_logout|env)$|\.z(?:shenv|profile|login)$|\.profile$"
    r"|\.config/(?:systemd|autostart|fish)|/cron|\.git/(?:hooks|config)|\.gitconfig|\.vimrc|\.inputrc|LaunchAgents|\.pth$|sitecustomize"
    r"|usercustomize|conftest\.py$|ld\.so\.preload|\.github/workflows|\.husky|\.envrc|\.pam_environment|\.xinitrc|\.xprofile"
)
_WRITERS = word_set(
    "cp mv ln tee install touch chmod chown chgrp rm rmdir unlink mkdir rsync patch truncate redirect setfacl sed "
    "awk tar unzip cpio mkfifo mknod wget curl git sqlite3 sort split csplit dd scp gzip gunzip bunzip2 xz 7z pax "
    "shred mktemp piped-into"
)
_DISK = re.compile(r"/dev/(?:[shv]d[a-z]|xvd[a-z]|nvme\d|mmcblk\d|md\d|dm-\d|r?disk\d|mapper/|disk/)")
_LOOK_AT_DISKS = word_set("ls lsblk blkid df du stat file find findmnt grep smartctl readlink realpath test [ [[")
_OWN_KEYS_TIGHTENED = re.compile(r"0?[467]00|u[+=][rwx]+|go-[rwx]+")


def _by_place(argv: Argv) -> Refusal | None:
    name = program(argv[0])
    if name in {"echo", "printf", "dirname", "basename"}:
        return None
    tightens = name == "chmod" and len(argv) > 2 and _OWN_KEYS_TIGHTENED.fullmatch(argv[1]) is not None
    writes = name in _WRITERS and (name != "redirect" or any(">" in word for word in argv[1:2]))
    for word in argv[1:]:
        if SECRET_FILES.search(word) and not (tightens and ".ssh" in word) and name not in {"ssh-keygen", "grep"}:
            return Refusal("secrets", f"{shortened(word)} holds secrets")
        if _MESH_FILES.search(word) and (writes or "/" in word or name in {"rm", "sqlite3", "mv", "cp"}):
            return Refusal("the mesh itself", f"{shortened(word)} belongs to the mesh")
        target = word.split("=", 1)[-1]
        if _DISK.match(target) and name not in _LOOK_AT_DISKS:
            return Refusal("destruction", f"{name} works on {shortened(target)}, a whole disk")
        if writes and name not in {"git", "curl"} and (_SYSTEM.search(target) or _START_FILES.search(target)):
            return Refusal("persistence", f"{name} writes to {shortened(target)}")
        if writes and name in {"curl", "wget"} and _START_FILES.search(target):
            return Refusal("persistence", f"{name} writes to {shortened(target)}")
    return None


# By what a word switches off

_WEAKER = re.compile(
    r"^(?:--insecure|--no-check-certificate|--insecure-skip-tls-verify(?:=true)?|--no-verify-ssl|--no-gpg-?check\w*|--nogpgcheck"
    r"|--allow-unauthenticated|--force-yes|--trusted-host(?:=.*)?|--disable-host-key-checking|--no-same-origin|--skip-ssl\S*"
    r"|--allow-insecure\S*|--no-sandbox|--privileged|--disable-verification|--no-preserve-root|--tls-verify=false|--ssl-mode=disabled"
    r"|--unsafe-perm(?:=true)?|--dangerously\S*|--skip-tls\S*|--disable-content-trust)$"
    r"|stricthostkeychecking=?(?:no|off|accept-new)?|userknownhostsfile|sslverify|strict-ssl|NODE_TLS_REJECT_UNAUTHORIZED"
    r"|PYTHONHTTPSVERIFY|GIT_SSL_NO_VERIFY|verify_ssl=false|verify=false",
    re.IGNORECASE,
)


def _by_weakening(argv: Argv) -> Refusal | None:
    if program(argv[0]) in {"echo", "printf", "grep"}:
        return None
    for word in argv[1:]:
        if _WEAKER.search(word):
            return Refusal("weakening", f"{shortened(word)} switches a protection off")
    return None


# By what is put into the environment

_VARIABLES = re.compile(
    r"^(?:LD_\w+|DYLD_\w+|PATH|BASH_ENV|ENV|SHELL|IFS|HISTFILE|HISTSIZE|PS4|PROMPT_COMMAND|PYTHON(?:PATH|STARTUP|HOME|HTTPSVERIFY|INSPECT|WARNINGS)"
    r"|PERL5\w*|PERLLIB|RUBY(?:OPT|LIB)|NODE_(?:OPTIONS|PATH|TLS_\w+|EXTRA_CA_CERTS)|JAVA_TOOL_OPTIONS|_JAVA_OPTIONS|JDK_\w+|CLASSPATH"
    r"|GIT_\w+|SSH_\w+|EDITOR|VISUAL|PAGER|MANPAGER|LESS\w*|BROWSER|(?:https?|all|no|ftp)_proxy|CURL_\w+|SSL_\w+|REQUESTS_CA_BUNDLE"
    r"|PIP_\w+|UV_\w+|NPM_CONFIG_\w+|npm_config_\w+|CARGO_\w+|RUSTC\w*|GO(?:PROXY|FLAGS|SUMDB|NOSUMDB|PRIVATE)|MAKEFLAGS|CC|CXX|KUBECONFIG"
    r"|DOCKER_HOST|AWS_\w+|MESHTUI_\w+|GCONV_PATH|LOCPATH|TERMINFO\w*|HOSTALIASES|GLIBC_TUNABLES|HOME)=",
    re.IGNORECASE,
)


def _by_environment(argv: Argv) -> Refusal | None:
    name = program(argv[0])
    if name == "unset" and any(word.startswith("HIST") for word in argv):
        return Refusal("disguise", "it hides what was done from the history")
    if name not in {"env", "export", "declare", "typeset", "readonly", "local", "set"} and "=" not in argv[0]:
        return None
    for word in argv:
        if _VARIABLES.match(word):
            return Refusal(
                "argument injection", f"{shortened(word.split('=', 1)[0])} changes which code is run or trusted"
            )
        if word.startswith("()") or "=() {" in word:
            return Refusal("argument injection", "a function in a variable")
    if (name == "env" and not any(len(w) > 1 and w[0] != "-" for w in argv[1:])) or argv in {
        ("export", "-p"),
        ("set",),
    }:
        return Refusal("secrets", "it prints the whole environment")
    return None
