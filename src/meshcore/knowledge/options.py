"""The long options of well-known programs that list none where they do not know one.

Facts of each program's own help; what deletes, forces, skips or silences is left out, so that no slip is read as that.
Light, and loaded only where a program says that it does not know an option.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

_WORDS: Mapping[str, str] = {
    "curl": (
        "aws-sigv4 basic cacert cert cert-type compressed config connect-timeout connect-to cookie cookie-jar "
        "create-dirs data data-ascii data-binary data-raw data-urlencode digest doh-url dump-header etag-compare "
        "etag-save fail fail-with-body form form-string get globoff head header http1.1 http2 http3 include "
        "interface ipv4 ipv6 json keepalive-time key limit-rate location max-filesize max-redirs max-time netrc "
        "netrc-file ntlm oauth2-bearer output output-dir parallel parallel-max post301 post302 progress-bar proxy "
        "proxy-header proxy-user range rate raw referer remote-header-name remote-name remote-name-all remote- "
        "time request request-target resolve retry retry-all-errors retry-connrefused retry-delay retry-max-time "
        "show-error socks5 socks5-hostname speed-limit speed-time tcp-nodelay time-cond tls-max tlsv1.2 tlsv1.3 "
        "trace trace-ascii trace-time unix-socket upload-file url user user-agent variable verbose write-out"
    ),
    "df": ("all block-size exclude-type human-readable inodes local output portability print-type sync total type"),
    "diff": (
        "brief color context exclude exclude-from expand-tabs from-file horizon-lines ifdef initial-tab label "
        "left-column line-format minimal new-file normal paginate palette rcs recursive report-identical-files "
        "show-c-function show-function-line side-by-side speed-large-files starting-file strip-trailing-cr "
        "suppress-blank-empty suppress-common-lines tabsize text to-file unidirectional-new-file unified width"
    ),
    "docker": (
        "add-host all attach build build-arg builder cache-from cache-to cap-add cgroup-parent change context "
        "cpu-shares cpus cpuset-cpus detach detach-keys device dns dns-search driver entrypoint env env-file "
        "expose file filter follow format gpus group-add health-cmd health-interval health-retries health-start- "
        "period health-timeout hostname init interactive ipc label label-file link load log-driver log-opt mac- "
        "address memory memory-reservation memory-swap mount name network network-alias oom-score-adj output pid "
        "pids-limit platform progress project-name publish publish-all pull push read-only restart runtime secret "
        "security-opt shm-size since ssh stop-signal stop-timeout sysctl tag tail target timestamps tmpfs tty "
        "ulimit until user userns volume volumes-from wait workdir"
    ),
    "du": (
        "all apparent-size block-size bytes count-links dereference dereference-args exclude exclude-from "
        "files0-from human-readable inodes max-depth null one-file-system separate-dirs summarize threshold time "
        "time-style total"
    ),
    "grep": (
        "after-context basic-regexp before-context binary binary-files byte-offset color colour context count "
        "dereference-recursive devices directories exclude exclude-dir exclude-from extended-regexp file files- "
        "with-matches files-without-match fixed-strings group-separator include initial-tab invert-match label "
        "line-buffered line-number line-regexp max-count null null-data only-matching perl-regexp recursive "
        "regexp text with-filename word-regexp"
    ),
    "journalctl": (
        "after-cursor all boot case-sensitive catalog cursor cursor-file directory disk-usage dmesg dump-catalog "
        "facility field fields file flush follow grep header identifier image interval lines list-boots list- "
        "catalog machine merge namespace output output-fields pager-end priority relinquish-var reverse root "
        "rotate setup-keys show-cursor since smart-relinquish-var sync system unit until update-catalog user "
        "user-unit utc vacuum-files vacuum-size vacuum-time verify verify-key"
    ),
    "kubectl": (
        "all-namespaces annotations api-version as-group cluster command container containers context copy-to "
        "cpu-percent duration env expose field-manager field-selector filename follow for from from-env-file "
        "from-file from-literal generator grace-period image image-pull-policy kubeconfig kustomize label-columns "
        "labels limit-bytes max max-log-requests memory min namespace output output-watch-events patch patch-file "
        "pod port prefix previous profile raw record recursive replicas request-timeout resource-version revision "
        "save-config schedule selector server-side show-kind show-labels since since-time sort-by stdin "
        "subresource tail template timeout timestamps to-revision token tty type user validate verb watch watch- "
        "only"
    ),
    "ls": (
        "all almost-all author block-size classify color context dereference dereference-command-line "
        "dereference-command-line-symlink-to-dir directory dired escape file-type format full-time group- "
        "directories-first hide hide-control-chars human-readable hyperlink indicator-style inode kibibytes "
        "literal numeric-uid-gid quote-name quoting-style recursive reverse show-control-chars size sort tabsize "
        "time time-style width zero"
    ),
    "make": (
        "always-make assume-new assume-old check-symlink-times debug directory environment-overrides eval file "
        "include-dir jobs just-print keep-going load-average makefile max-load new-file old-file output-sync "
        "print-data-base print-directory question recon stop touch trace warn-undefined-variables what-if"
    ),
    "pip": (
        "abi cache-dir cert check-build-dependencies client-cert compile config-settings constraint debug "
        "editable exists-action extra-index-url find find-links global-option hash implementation index-url "
        "isolated keyring-provider log only-binary platform pre prefer-binary prefix progress-bar proxy python "
        "python-version report require-hashes require-virtualenv requirement retries root root-user-action src "
        "target timeout upgrade upgrade-strategy use-deprecated use-feature use-pep517 user verbose"
    ),
    "pytest": (
        "anyio-mode assert asyncio-debug asyncio-mode basetemp cache-clear cache-show capture code-highlight "
        "collect-in-virtualenv collect-only color confcutdir config-file continue-on-collection-errors debug "
        "deselect dist doctest-continue-on-failure doctest-glob doctest-ignore-import-errors doctest-modules "
        "doctest-report durations durations-min exitfirst failed-first fixtures fixtures-per-test full-trace "
        "funcargs hypothesis-explain hypothesis-profile hypothesis-seed hypothesis-show-statistics hypothesis- "
        "verbosity import-mode junit-prefix junit-xml keep-duplicates keep-pictures last-failed last-failed-no- "
        "failures lfnf loadscope-reorder log-auto-indent log-cli-date-format log-cli-format log-cli-level log- "
        "date-format log-disable log-file log-file-date-format log-file-format log-file-level log-file-mode log- "
        "format log-level looponfail markers max-worker-restart maxfail maxprocesses maxschedchunk new-first "
        "noconftest numprocesses override-ini pastebin pdb pdbcls pyargs pythonwarnings rootdir rsyncdir "
        "rsyncignore runxfail setup-only setup-plan setup-show show-capture showlocals stepwise stepwise-skip "
        "strict strict-config strict-markers sw-skip testrunuid trace trace-config verbose verbosity xfail-tb"
    ),
    "rsync": (
        "acls append-verify archive backup backup-dir bwlimit checksum chmod chown compare-dest compress "
        "compress-level contimeout copy-dest copy-links dirs exclude exclude-from existing files-from filter "
        "fuzzy group groupmap hard-links human-readable iconv include include-from info inplace itemize-changes "
        "link-dest links list-only log-file log-file-format max-size min-size mkpath modify-window numeric-ids "
        "omit-dir-times one-file-system out-format outbuf owner partial partial-dir password-file perms port "
        "progress protect-args recursive relative rsh rsync-path size-only sparse stats suffix temp-dir timeout "
        "times update usermap verbose whole-file xattrs"
    ),
    "sort": (
        "batch-size buffer-size check compress-program debug dictionary-order field-separator files0-from "
        "general-numeric-sort human-numeric-sort key merge month-sort numeric-sort output parallel random-sort "
        "random-source reverse sort stable temporary-directory unique version-sort zero-terminated"
    ),
    "systemctl": (
        "all boot-loader-entry boot-loader-menu check-inhibitors failed firmware-setup full global host image "
        "job-mode legend lines machine marked mkdir now output plain preset-mode property read-only recursive "
        "reverse root runtime show-transaction show-types signal state system timestamp type user value wait what "
        "with-dependencies"
    ),
    "tail": ("bytes follow lines max-unchanged-stats pid retry sleep-interval verbose zero-terminated"),
    "tar": (
        "absolute-names acls add-file after-date anchored append atime-preserve auto-compress backup block-number "
        "blocking-factor bzip2 catenate check-device check-links checkpoint checkpoint-action clamp-mtime compare "
        "compress concatenate confirmation create delay-directory-restore dereference diff directory exclude "
        "exclude-backups exclude-caches exclude-caches-all exclude-caches-under exclude-from exclude-ignore "
        "exclude-ignore-recursive exclude-tag exclude-tag-all exclude-tag-under exclude-vcs exclude-vcs-ignores "
        "extract file files-from format full-time get group group-map gunzip gzip hard-dereference hole-detection "
        "incremental index-file info-script interactive keep-directory-symlink keep-newer-files keep-old-files "
        "label level list listed-incremental lzip lzma lzop mode mtime multi-volume new-volume-script newer "
        "newer-mtime null numeric-owner occurrence old-archive one-file-system one-top-level owner owner-map pax- "
        "option portability posix preserve-order preserve-permissions quote-chars quoting-style read-full-records "
        "record-size recursion recursive-unlink restrict rmt-command rsh-command same-order same-owner same- "
        "permissions seek selinux show-defaults show-omitted-dirs show-snapshot-field-ranges show-stored-names "
        "show-transformed-names sort sparse sparse-version starting-file strip-components suffix tape-length "
        "test-label to-command to-stdout totals touch transform uncompress ungzip unlink-first unquote update "
        "usage use-compress-program utc verbatim-files-from verbose verify volno-file warning wildcards "
        "wildcards-match-slash xattrs xattrs-exclude xattrs-include xform zstd"
    ),
    "wget": (
        "accept adjust-extension append-output ask-password auth-no-challenge background backup-converted backups "
        "base bind-address body-data body-file ca-certificate ca-directory certificate certificate-type ciphers "
        "compression config connect-timeout content-disposition content-on-error continue convert-file-only "
        "convert-links crl-file cut-dirs debug default-page directory-prefix dns-timeout domains exclude- "
        "directories exclude-domains execute follow-ftp follow-tags ftp-password ftp-user ftps-clear-data- "
        "connection ftps-fallback-to-ftp ftps-implicit ftps-resume-ssl header hsts-file http-password http-user "
        "https-only include-directories inet4-only inet6-only input-file keep-session-cookies level limit-rate "
        "load-cookies local-encoding max-redirect method mirror output-document output-file page-requisites "
        "password pinnedpubkey post-data post-file prefer-family preserve-permissions private-key private-key- "
        "type progress protocol-directories proxy-password proxy-user quota random-wait read-timeout recursive "
        "referer regex-type reject reject-regex rejected-log relative remote-encoding report-speed restrict-file- "
        "names retr-symlinks retry-connrefused retry-on-http-error save-cookies save-headers secure-protocol "
        "server-response show-progress span-hosts spider start-pos strict-comments timeout timestamping tries "
        "trust-server-names unlink use-askpass user user-agent verbose wait waitretry warc-cdx warc-dedup warc- "
        "file warc-header warc-max-size warc-tempdir xattr"
    ),
}


@cache
def options(program: str) -> frozenset[str]:
    """Return the long options of a program, none of one that is not known."""
    return frozenset(f"--{word}" for word in _WORDS.get(program, "").split())
