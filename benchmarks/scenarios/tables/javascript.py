"""JavaScript: packages, lock files, scripts of package.json."""

from __future__ import annotations

from benchmarks.scenarios.scenario import Scenario, shell

NODE = ("node", "npm")
INTO = ("node_modules", "node_modules/*", "package.json", "package-lock.json")
PACKAGE = '{{"name": "shop", "version": "1.0.0", "private": true, "dependencies": {{{0}}}}}\n'
LEFT = PACKAGE.format('"left-pad": "^1.0.0"')
LOCKED = (
    "npm install --silent && rm -rf node_modules && printf 'node_modules\\n' > .gitignore && git init -q && git add . "
    "&& git -c user.name=x -c user.email=x@x.org commit -qm start"
)
NOT_ITS_OWN = "need not be its own"

SEEN = (
    Scenario(
        "a package is missing, taught by its name",
        "node app.js",
        "approval",
        "not on the list",
        files={
            "package.json": PACKAGE.format(""),
            "app.js": "const pad = require('left-pad')\nconsole.log(pad('a'))\n",
        },
        taught="npm install left-pad",
        changes=INTO,
        needs=NODE,
    ),
    Scenario(
        "a fresh clone with a tracked lock, npm ci",
        "node app.js",
        "approval",
        NOT_ITS_OWN,
        files={"package.json": LEFT, "app.js": "const pad = require('left-pad')\nconsole.log(pad('a'))\n"},
        setup=LOCKED,
        taught="npm ci",
        changes=INTO,
        needs=(*NODE, "git"),
    ),
    Scenario(
        "an ES module, an agent ran npm install",
        "node src/index.mjs",
        "approval",
        "nobody has",
        files={
            "package.json": PACKAGE.format('"ms": "1.0.0"'),
            "src/index.mjs": "import ms from 'ms'\nconsole.log(ms('1'))\n",
        },
        did=("npm install ms",),
        changes=INTO,
        needs=NODE,
    ),
    Scenario(
        "npm run build, its tool is not installed",
        "npm run build",
        "approval",
        NOT_ITS_OWN,
        files={
            "package.json": '{"name": "shop", "version": "1.0.0", "scripts": {"build": "node build.js"}, '
            '"dependencies": {"lodash": "1.0.0"}}\n',
            "build.js": "require('lodash')\nconsole.log('built')\n",
        },
        taught="npm install",
        changes=INTO,
        needs=NODE,
        volatile=True,
    ),
    Scenario(
        "a script that package.json does not have",
        "npm run biuld",
        "silent",
        "nothing was learnt: another command is the answer, not a fix",
        files={"package.json": '{"name": "shop", "version": "1.0.0", "scripts": {"build": "true"}}\n'},
        did=("npm run build",),
        needs=NODE,
        volatile=True,
    ),
    Scenario(
        "npm in a folder without package.json",
        "npm run dev",
        "offered",
        "advice",
        files={"README.md": "x\n", "web/package.json": '{"name": "web", "scripts": {"dev": "true"}}\n'},
        taught="run it in the folder web",
        needs=NODE,
        volatile=True,
    ),
    Scenario(
        "a lock that does not fit package.json",
        "npm ci",
        "approval",
        NOT_ITS_OWN,
        files={"package.json": LEFT},
        setup="npm install --silent && rm -rf node_modules && "
        'sed -i \'s/"left-pad"/"chalk": "1.0.0", "left-pad"/\' package.json',
        taught="npm install",
        changes=INTO,
        needs=NODE,
        volatile=True,
    ),
    Scenario(
        "tests of a workspace folder miss a package",
        shell("cd web && npm test --silent"),
        "approval",
        NOT_ITS_OWN,
        files={
            "web/package.json": '{"name": "web", "version": "1.0.0", "scripts": {"test": "node test.js"}, '
            '"dependencies": {"express": "1.0.0"}}\n',
            "web/test.js": "require('express')\nconsole.log('1 passed')\n",
        },
        taught="npm install",
        changes=("web", *(f"web/{one}" for one in INTO)),
        needs=NODE,
        volatile=True,
    ),
    Scenario(
        "a syntax error in JavaScript",
        "node app.js",
        "silent",
        "an edit mended it, and no command fixes it elsewhere",
        files={"package.json": PACKAGE.format(""), "app.js": "console.log('a'\n"},
        did=("sed -i s/'a'/'a')/ app.js",),
        needs=NODE,
    ),
    Scenario(
        "a folder for output is missing",
        "node write.js",
        "unattended",
        files={"package.json": PACKAGE.format(""), "write.js": "require('fs').writeFileSync('dist/a.txt', 'a')\n"},
        taught="mkdir -p dist",
        changes=("dist", "dist/a.txt"),
        needs=NODE,
    ),
)
