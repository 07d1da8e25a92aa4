"""The words that well-known programs take first, by which one that they do not know is seen to be a slip of a finger.

Facts of each program's own help. What deletes is left out: a slip is never read as that. Light, and loaded only where
a program says that it does not know a word.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache

_GIT = (
    "add am apply archive bisect blame branch bundle checkout cherry-pick clone commit config describe diff difftool "
    "fetch format-patch grep init log ls-files ls-remote ls-tree merge mergetool mv notes pull push rebase reflog "
    "remote restore rev-list rev-parse revert shortlog show stash status submodule switch tag worktree"
)
_DOCKER = (
    "attach build builder buildx commit compose config container context cp create diff events exec export history "
    "image images import info inspect load login logout logs manifest network node pause plugin port ps pull push "
    "rename restart run save search secret service stack start stats stop swarm system tag top unpause update "
    "version volume wait"
)
_COMPOSE = (
    "attach build config cp create events exec images logs ls pause port ps pull push restart run scale start stats "
    "stop top unpause up version wait watch"
)
_NPM = (
    "access adduser audit bugs cache ci completion config dedupe deprecate diff dist-tag docs doctor edit exec "
    "explain explore find-dupes fund init install install-ci-test install-test link login logout ls org outdated "
    "owner pack ping pkg prefix profile publish query rebuild repo restart root run run-script search set shrinkwrap "
    "star start stop team test token update version view whoami"
)
_PIP = "cache check completion config debug download freeze hash index inspect install list search show wheel"
_YARN = (
    "access add audit autoclean bin cache check config constraints create dedupe dlx exec explain global import info "
    "init install licenses link list login logout node npm outdated owner pack patch plugin publish rebuild run "
    "search set stage start tag team test up upgrade upgrade-interactive version versions why workspace workspaces"
)
_APT = "autoclean build-dep changelog depends download edit-sources full-upgrade install list policy rdepends reinstall"
_DNF = (
    "check check-update deplist distro-sync downgrade group help history info install list makecache module "
    "provides reinstall repolist repoquery search shell update upgrade updateinfo"
)
_OBJECTS = (
    "all clusterrolebindings clusterroles configmaps cronjobs customresourcedefinitions daemonsets deployment "
    "deployments endpoints events ingress ingresses job jobs namespaces networkpolicies node nodes "
    "persistentvolumeclaims persistentvolumes pod pods replicasets rolebindings roles secret secrets service "
    "serviceaccounts services statefulsets storageclasses"
)

_GRADLE = (
    "assemble assembleDebug assembleRelease bootRun build buildDependents buildEnvironment check classes compileJava "
    "compileKotlin compileTestJava dependencies help init installDebug jar javadoc projects properties publish "
    "publishToMavenLocal run tasks test testClasses war wrapper"
)

_WORDS: Mapping[str, str] = {
    "git": _GIT,
    "git stash": "apply branch create list pop push save show store",
    "git bisect": "bad good log new next old replay run skip start terms view visualize",
    "git remote": "add get-url rename set-branches set-head set-url show update",
    "git submodule": "absorbgitdirs add foreach init set-branch set-url status summary sync update",
    "docker": _DOCKER,
    "podman": _DOCKER,
    "docker compose": _COMPOSE,
    "docker-compose": _COMPOSE,
    "npm": _NPM,
    "yarn": _YARN,
    "pnpm": "add audit config create deploy dlx env exec fetch import info init install licenses link list outdated "
    "pack patch publish rebuild root run setup start store test update why",
    "pip": _PIP,
    "cargo": "add bench build check clippy doc fetch fix fmt generate-lockfile init install locate-project login "
    "metadata new owner package publish run rustc rustdoc search test tree update vendor version",
    "go": "bug build doc env fix fmt generate get install list mod run telemetry test tool version vet work",
    "gem": "build cert check contents dependency environment fetch info install list lock open outdated owner "
    "pristine push query search server signin signout sources specification stale unpack update which",
    "bundle": "add binstubs cache check config console doctor exec info init install list lock open outdated "
    "platform plugin show update",
    "brew": "analytics audit autoremove bundle cask config create deps desc doctor edit fetch formulae home info "
    "install link list log migrate outdated pin postinstall reinstall search services shellenv tap update upgrade uses",
    "apt": f"{_APT} search show update upgrade",
    "apt-get": f"{_APT} check dist-upgrade dselect-upgrade indextargets source update upgrade",
    "dnf": _DNF,
    "yum": f"{_DNF} groupinstall localinstall repoinfo",
    "systemctl": "cat daemon-reload disable edit enable get-default is-active is-enabled is-failed isolate list-jobs "
    "list-sockets list-timers list-unit-files list-units reload reload-or-restart restart set-default show start "
    "status stop try-restart unmask",
    "kubectl": "annotate api-resources api-versions apply attach auth autoscale certificate cluster-info completion "
    "config cordon cp create debug describe diff edit events exec explain expose get kustomize label logs "
    "options patch plugin port-forward proxy rollout run scale set taint top uncordon version wait",
    "kubectl get": _OBJECTS,
    "kubectl describe": _OBJECTS,
    "gradle": _GRADLE,
    "gradlew": _GRADLE,
    "flask": "run shell routes db",
    "flask db": "branches current downgrade edit heads history init merge migrate revision show stamp upgrade",
    "systemctl unit": "apache2 bluetooth caddy chronyd containerd cron crond cups dnsmasq docker firewalld gdm "
    "grafana-server haproxy httpd influxdb jenkins kubelet lightdm mariadb memcached mongod mosquitto mysql mysqld "
    "named network-manager nfs-server nginx ntpd php-fpm podman postfix postgresql prometheus rabbitmq-server redis "
    "redis-server rsyslog samba smbd snapd squid ssh sshd systemd-networkd systemd-resolved tailscaled tomcat ufw "
    "unattended-upgrades varnish wpa_supplicant zabbix-agent",
    "adb": "backup bugreport connect devices disconnect emu forward get-serialno get-state help install "
    "install-multiple jdwp logcat pair pull push reboot remount restore reverse root shell sideload "
    "start-server sync tcpip unroot usb version wait-for-device",
    "helm": "completion create dependency env get history install lint list package plugin pull push registry repo "
    "rollback search show status template test upgrade verify version",
    "terraform": "apply console fmt force-unlock get graph import init login logout metadata output plan providers "
    "refresh show state taint test untaint validate version workspace",
    "vagrant": "box cloud global-status halt init login package plugin port powershell provision rdp reload resume "
    "snapshot ssh ssh-config status suspend up upload validate version",
    "hg": "add annotate archive backout bisect bookmarks branch branches bundle cat clone commit config copy diff "
    "export files forget graft grep heads identify import incoming init locate log manifest merge outgoing parents "
    "paths phase pull push recover rename resolve revert root serve showconfig status summary tag tags tip unbundle "
    "update verify version",
    "svn": "add blame cat checkout cleanup commit copy diff export import info list lock log merge mkdir move "
    "propget proplist propset relocate resolve revert status switch unlock update upgrade",
    "heroku": "access addons apps auth auth:login authorizations autocomplete buildpacks certs ci config config:set "
    "container create domains drains features git info keys labs local logs maintenance members notifications open "
    "orgs pg pipelines plugins ps redis regions releases restart rollback run sessions spaces stack status teams "
    "update version webhooks whoami",
    "aws": "acm apigateway athena autoscaling cloudformation cloudfront cloudtrail cloudwatch codebuild configure "
    "dynamodb ec2 ecr ecs efs eks elasticache elb elbv2 events glue iam kinesis kms lambda logs organizations rds "
    "redshift route53 s3 s3api secretsmanager ses sns sqs ssm sts",
    "rails": "console dbconsole generate new plugin routes runner server test",
    "mix": "archive cmd compile deps deps.get deps.update do ecto.create ecto.migrate escript format help hex local "
    "new phx.gen phx.new phx.routes phx.server release run test",
    "composer": "about archive audit browse bump check-platform-reqs config create-project depends diagnose "
    "dump-autoload exec fund global init install licenses list outdated reinstall require run-script "
    "search self-update show status suggests update validate",
    "dotnet": "add build build-server format help list msbuild new nuget pack publish restore run sln store test "
    "tool vstest watch workload",
    "conda": "activate build compare config create deactivate env info init install list notices package repoquery "
    "run search update upgrade",
    "poetry": "about add build cache check config debug env export init install list lock new publish run search "
    "self shell show source sync update version",
    "pyenv": "commands exec global help hooks init install local prefix rehash root shell shims version "
    "version-file versions whence which",
    "rbenv": "commands exec global help hooks init install local prefix rehash root shell shims version versions "
    "whence which",
    "flutter": "analyze assemble attach build channel config create custom-devices devices doctor drive emulators "
    "format gen-l10n install logs precache pub run screenshot symbolize test upgrade",
    "gh": "alias api attestation auth browse cache codespace completion config extension gist gpg-key issue label "
    "org pr project release repo ruleset run search secret ssh-key status variable workflow",
    "openssl": "asn1parse ca ciphers cms crl dgst dhparam dsa ec ecparam enc genpkey genrsa passwd pkcs12 pkcs7 "
    "pkcs8 pkey prime rand req rsa s_client s_server speed version verify x509",
    "lerna": "add-caching bootstrap changed create diff exec import info init link list publish run version watch",
    "django": "changepassword check collectstatic createcachetable createsuperuser dbshell diffsettings dumpdata "
    "inspectdb loaddata makemessages makemigrations migrate runserver sendtestemail shell showmigrations "
    "sqlmigrate startapp startproject test testserver",
    "redis-cli": "append auth bgsave config dbsize decr echo exists expire get getset hget hgetall hset incr info "
    "keys lindex llen lpop lpush lrange mget monitor mset ping publish rpop rpush sadd save scan select set sismember "
    "smembers subscribe ttl type zadd zrange zscore",
    "find": "-amin -atime -cmin -ctime -depth -empty -exec -execdir -follow -group -iname -inum -ipath -iregex "
    "-links -maxdepth -mindepth -mmin -mount -mtime -name -newer -not -path -perm -print -print0 -printf -prune "
    "-regex -regextype -samefile -size -type -user -wholename -xdev",
}  # fmt: skip


@cache
def _of(program: str) -> frozenset[str]:
    return frozenset(_WORDS.get(program, "").split())


def subcommands(before: Sequence[str]) -> frozenset[str]:
    """Return the words that may stand behind a program, or behind it and a first word; none of what is not known."""
    return _of(" ".join(before))


def programs() -> frozenset[str]:
    """Return the programs whose words are known."""
    return frozenset(name for name in _WORDS if " " not in name)
