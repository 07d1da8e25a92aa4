"""What packages of Debian and its children are called where their name tells nothing of what is in them.

Asked only where the host's index has no lists of files, and told only where it has a package of that name: these are
names to look for, and no copy of a release. Light.
"""

from __future__ import annotations

from functools import cache

_PROGRAMS = """
    7z p7zip-full 7zip
    ab apache2-utils
    aclocal automake
    add-apt-repository software-properties-common
    ag silversearcher-ag
    ar binutils
    autoreconf autoconf
    batcat bat
    bunzip2 bzip2
    bzcat bzip2
    certutil libnss3-tools
    c++filt binutils
    clang-format clang-format
    cmp diffutils
    column bsdextrautils bsdmainutils
    convert imagemagick
    crontab cron
    delv bind9-dnsutils dnsutils
    dig bind9-dnsutils dnsutils
    docker docker.io
    dot graphviz
    envsubst gettext-base
    fdfind fd-find
    ffprobe ffmpeg
    file file
    free procps
    fuser psmisc
    gem ruby
    getfacl acl
    go golang-go
    gpg gnupg
    gs ghostscript
    hexdump bsdextrautils bsdmainutils
    host bind9-host
    htpasswd apache2-utils
    identify imagemagick
    ifconfig net-tools
    inotifywait inotify-tools
    iostat sysstat
    ip iproute2
    jar default-jdk-headless default-jdk
    java default-jre-headless default-jre
    javac default-jdk-headless default-jdk
    killall psmisc
    ld binutils
    libtoolize libtool
    lsb_release lsb-release
    lspci pciutils
    lsusb usbutils
    mkfs.vfat dosfstools
    mkisofs genisoimage
    mpirun openmpi-bin
    mpstat sysstat
    msgfmt gettext
    mvn maven
    mysql default-mysql-client mysql-client
    mysqldump default-mysql-client mysql-client
    nc netcat-openbsd
    netstat net-tools
    ninja ninja-build
    nm binutils
    node nodejs
    notify-send libnotify-bin
    nslookup bind9-dnsutils dnsutils
    nsupdate bind9-dnsutils dnsutils
    objcopy binutils
    objdump binutils
    patch patch
    pdflatex texlive-latex-base
    pdftoppm poppler-utils
    pdftotext poppler-utils
    pg_config libpq-dev
    pg_dump postgresql-client
    pg_restore postgresql-client
    pgrep procps
    php php-cli
    ping iputils-ping
    pip python3-pip
    pip3 python3-pip
    pkill procps
    ps procps
    psql postgresql-client
    pstree psmisc
    qemu-img qemu-utils
    readelf binutils
    redis-cli redis-tools
    rg ripgrep
    rsvg-convert librsvg2-bin
    sar sysstat
    scp openssh-client
    setcap libcap2-bin
    setfacl acl
    sftp openssh-client
    ss iproute2
    ssh openssh-client
    ssh-keygen openssh-client
    sshd openssh-server
    strings binutils
    strip binutils
    top procps
    unxz xz-utils
    update-ca-certificates ca-certificates
    uptime procps
    uuidgen uuid-runtime
    vmstat procps
    watch procps
    wg wireguard-tools
    xdg-open xdg-utils
    xelatex texlive-xetex
    xmllint libxml2-utils
    xsltproc xsltproc
    xz xz-utils
    xzcat xz-utils
    zipinfo unzip
"""
_HEADERS = """
    Python.h python3-dev
    alsa/asoundlib.h libasound2-dev
    bzlib.h libbz2-dev
    curl/curl.h libcurl4-openssl-dev
    ft2build.h libfreetype-dev
    jpeglib.h libjpeg-dev
    libpq-fe.h libpq-dev
    libxml/parser.h libxml2-dev
    libxml/xmlversion.h libxml2-dev
    mpi.h libopenmpi-dev
    mysql.h default-libmysqlclient-dev libmysqlclient-dev
    mysql/mysql.h default-libmysqlclient-dev libmysqlclient-dev
    opencv2/opencv.hpp libopencv-dev
    pg_config.h libpq-dev
    portaudio.h portaudio19-dev
    security/pam_appl.h libpam0g-dev
    sql.h unixodbc-dev
    sqlext.h unixodbc-dev
    tiffio.h libtiff-dev
    uuid/uuid.h uuid-dev
    zlib.h zlib1g-dev
"""
_LIBRARIES = """
    GL libgl-dev
    X11 libx11-dev
    bz2 libbz2-dev
    crypto libssl-dev
    curl libcurl4-openssl-dev
    jpeg libjpeg-dev
    mysqlclient default-libmysqlclient-dev libmysqlclient-dev
    odbc unixodbc-dev
    pq libpq-dev
    ssl libssl-dev
    tiff libtiff-dev
    uuid uuid-dev
    xml2 libxml2-dev
    z zlib1g-dev
"""
_OF_PKG_CONFIG = """
    alsa libasound2-dev
    freetype2 libfreetype-dev
    gdk-pixbuf-2.0 libgdk-pixbuf-2.0-dev
    glib-2.0 libglib2.0-dev
    gobject-2.0 libglib2.0-dev
    gobject-introspection-1.0 libgirepository1.0-dev
    gtk+-3.0 libgtk-3-dev
    gtk4 libgtk-4-dev
    libcrypto libssl-dev
    libcurl libcurl4-openssl-dev
    libjpeg libjpeg-dev
    libtiff-4 libtiff-dev
    libxml-2.0 libxml2-dev
    mysqlclient default-libmysqlclient-dev libmysqlclient-dev
    opencv4 libopencv-dev
    openssl libssl-dev
    python3 python3-dev
    sqlite3 libsqlite3-dev
    uuid uuid-dev
    wayland-client libwayland-dev
    zlib zlib1g-dev
"""
_LISTS = {"program": _PROGRAMS, "header": _HEADERS, "library": _LIBRARIES, "pkg-config": _OF_PKG_CONFIG}


@cache
def _of(kind: str) -> dict[str, tuple[str, ...]]:
    rows = (line.split() for line in _LISTS.get(kind, "").splitlines() if line.strip())
    return {name: tuple(packages) for name, *packages in rows}


def called(kind: str, name: str) -> tuple[str, ...]:
    """Return the names that the package of something goes by, the newer one first; () where none is known."""
    return _of(kind).get(name, ())
