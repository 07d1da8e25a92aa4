"""Secrets do not survive; what only looks like one does. Every secret here is made up while the test runs."""

from __future__ import annotations

import base64
import json
import random
import string
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.core.safety.secret_kinds import KINDS, LATER_KINDS, LATER_LOOK_ALIKES, filled
from tests.core.safety.secret_kinds import LOOK_ALIKES as MORE_LOOK_ALIKES

from meshcore.safety.redaction import redact, redact_argv, storable_argv
from meshcore.safety.secret_names import is_secret_name

SECRETS = Path(__file__).parents[3] / "../shared/eval/secrets_dev.jsonl"
ALNUM = string.ascii_letters + string.digits
HEX = "0123456789abcdef"


def made(size: int, alphabet: str = ALNUM, seed: int = 1) -> str:
    """Return a made-up secret part; the first two characters are a letter and a digit."""
    rng = random.Random(seed * 1000 + size)
    letter = next(c for c in alphabet if c.isalpha()) if any(c.isalpha() for c in alphabet) else ""
    head = letter + "7" if letter else "7"
    return head + "".join(rng.choice(alphabet) for _ in range(size - len(head)))


def survives(secret: str, text: str) -> bool:
    return any(secret[at : at + 8] in text for at in range(max(1, len(secret) - 7)))


TOKENS = {
    "github": "ghp_" + made(36),
    "github-fine": "github_pat_" + made(82),
    "gitlab": "glpat-" + made(20),
    "aws": "AKIA" + made(16, string.ascii_uppercase + "234567"),
    "google": "AIza" + made(35),
    "slack": "xoxb-" + made(12, string.digits) + "-" + made(12, string.digits) + "-" + made(24),
    "openai": "sk-proj-" + made(48),
    "anthropic": "sk-ant-api03-" + made(93) + "AA",
    "stripe": "sk_live_" + made(24),
    "npm": "npm_" + made(36),
    "pypi": "pypi-AgEIcHlwaS5vcmc" + made(80),
    "sendgrid": "SG." + made(22) + "." + made(43),
    "twilio": "SK" + made(32, HEX),
    "huggingface": "hf_" + made(34),
    "databricks": "dapi" + made(32, HEX),
    "vault": "hvs." + made(95),
    "digitalocean": "dop_v1_" + made(64, HEX),
    "telegram": "123456789:AA" + made(33),
    "mailchimp": made(32, HEX) + "-us12",
    "shopify": "shpat_" + made(32, HEX),
    "jwt": "eyJhbGciOiJIUzI1NiJ9.eyJ" + made(40) + "." + made(43),
    "age": "AGE-SECRET-KEY-1" + made(58, "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L"),
    "hash": "$6$" + made(8) + "$" + made(86),
}

PLACES = [
    'password="@"',
    "DB_PASSWORD=@ psql",
    '{"client_secret": "@"}',
    "db_password: @",
    "export API_TOKEN='@'",
    "Authorization: Bearer @",
    "Authorization: Basic @=",
    "x-api-key: @",
    "curl -H 'Authorization: token @' https://h",
    "postgresql://app:@@db/prod",
    "redis://:@@cache:6379/0",
    "https://h/cb?access_token=@&state=1",
    "Cookie: theme=dark; sessionid=@; path=/",
    "mysqldump -uroot -p@ prod",
    "docker login -u bot -p @ r.example",
    "curl -u admin:@ https://h/",
    "sshpass -p '@' ssh h",
    "SSHPASS=@ sshpass -e ssh h",
    "docker login --password-stdin <<< @",
    "cat <<< '@' | gh auth login --with-token",
    "echo @ | wrangler secret put X",
    "aws ssm put-parameter --name x --value @ --type SecureString",
    "aws ssm put-parameter --type SecureString --name x --value @",
    "redis-cli -a @ ping",
    "openssl rsa -passin pass:@",
    "--password @ --host h",
    "--token=@",
    "machine h login bot password @",
    "<password>@</password>",
    '<add key="Password" value="@"/>',
    "Server=h;User Id=sa;Password=@;Database=x",
    "identified by '@'",
    "requirepass @",
    "password is @.",
    'auth=("user", "@")',
    "//registry.example.org/:_authToken=@",
    "vault login @",
]


@pytest.mark.parametrize("kind", TOKENS)
@pytest.mark.parametrize("place", ["error: @", "(@),", "：@。", "a=@&b=1", '"@"', "twice @ and @"])
def test_known_tokens_do_not_survive(kind: str, place: str) -> None:
    assert not survives(TOKENS[kind], redact(place.replace("@", TOKENS[kind])))


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("seed", range(3))
def test_values_behind_a_name_do_not_survive(place: str, seed: int) -> None:
    secret = "s." + made(24, seed=seed) if place.startswith("vault") else made(20, seed=seed)
    text = place.replace("@@", secret + "@") if "@@" in place else place.replace("@", secret)
    assert secret in text
    assert not survives(secret, redact(text))


@pytest.mark.parametrize("text", ["p@ss", "a/b", "a:b@c", "ä", "#x", "%21"])
def test_odd_passwords_in_an_address_do_not_survive(text: str) -> None:
    secret = made(6) + text + made(8, seed=2)
    assert not survives(secret, redact(f"https://user:{secret}@host/x"))


BODY = made(64) + "\n" + made(64, seed=2)


@pytest.mark.parametrize(
    "text",
    [
        f"x\n-----BEGIN RSA PRIVATE KEY-----\n{BODY}\n-----END RSA PRIVATE KEY-----\ny",
        f"-----BEGIN OPENSSH PRIVATE KEY-----\n{BODY}\n",
        f"{BODY}\n-----END PRIVATE KEY-----\n",
        f"-----BEGIN EC PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\n{BODY}\nbad decrypt",
        json.dumps({"private_key": f"-----BEGIN PRIVATE KEY-----\n{BODY}\n-----END PRIVATE KEY-----\n"}),
    ],
)
def test_private_keys_do_not_survive_even_cut(text: str) -> None:
    clean = redact(text)
    assert not survives(made(64), clean)
    assert not survives(made(64, seed=2), clean)


def test_what_stands_around_a_key_stays() -> None:
    clean = redact(f"before\n-----BEGIN RSA PRIVATE KEY-----\n{BODY}\nbad decrypt")
    assert clean.startswith("before\n") and clean.endswith("bad decrypt")


@pytest.mark.parametrize(
    "disguise",
    [
        lambda s: s[:10] + "\\\n" + s[10:],
        lambda s: s[:10] + "\n" + s[10:],
        lambda s: s[:10] + "\x1b[0m" + s[10:],
        lambda s: s[:10] + "\u200b" + s[10:],
        lambda s: s.replace("_", "%5F"),
        lambda s: s.replace("_", "\\u005f"),
        lambda s: s.replace("_", "&#95;"),
        lambda s: s[:10] + '" + "' + s[10:],
    ],
)
def test_a_wrapped_or_escaped_token_does_not_survive(disguise: object) -> None:
    assert callable(disguise)
    token = "ghp_" + made(36)
    assert not survives(token[10:], redact(f"x {disguise(token)} y"))


LOOK_ALIKES = [
    "golang.org/x/net v0.17.0 h1:PiPoFgA5WUoziU9lZOGxNIu9egCI1CxKy3PurtWcAJ0=",
    "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "commit 9fceb02d0ae598e95dc970b74767f19372d61af8",
    "request-id: 4f0c1e8e-7b1a-4a55-9f6e-2c8f2d1f0b7a",
    "trace_id=4bf92f3577b34da6a3ce929d0e0e4736 span_id=00f067aa0ba902b7",
    "KeyError: 'SECRET_KEY'",
    "SyntaxError: unexpected token: identifier",
    "password = getpass.getpass()",
    'secret = os.environ.get("SECRET")',
    "def login(password: str, token: Optional[str] = None) -> None:",
    "self.token = token",
    "assert token == expected_token",
    "export TOKEN=$(cat /run/secrets/x)",
    "Authorization: Bearer $TOKEN",
    "password: ${DB_PASSWORD}",
    "api_key: [REDACTED]",
    "git@github.com:acme/app.git: Permission denied (publickey,password).",
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIweJOJXpSyRofsO4xTd/CFGtf3tufcYXdyuglzMCsin user@host",
    "--api-key-file /run/secrets/key",
    "password_min_length: 12",
    "max_tokens: 4096",
    "mysql -u root -p mydb",
    "https://example.com:8443/path?x=1@2",
    "docker pull nginx@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "arn:aws:secretsmanager:us-east-1:123456789012:secret:my/app-AbCdEf",
    "torch==2.3.1+cu121.gita8e7d98 not found",
    "the following arguments are required: --api-key",
    "the secret is out",
    "tokenizer=gpt2-xl-finetuned-2023",
]


@pytest.mark.parametrize("text", LOOK_ALIKES)
def test_look_alikes_stay(text: str) -> None:
    assert redact(text) == text


@given(st.sampled_from([*PLACES, *LOOK_ALIKES, *TOKENS.values()]), st.text(max_size=40), st.text(max_size=40))
def test_twice_is_once_and_no_text_raises(middle: str, before: str, after: str) -> None:
    once = redact(f"{before} {middle} {after}")
    assert redact(once) == once


def test_home_folders_and_addresses_go_where_asked() -> None:
    text = "/home/alice/x by alice@example.com"
    assert redact(text) == text
    assert redact(text, home_paths=True, emails=True) == "/home/[redacted:user]/x by [redacted:email]"


def test_an_argv_says_whether_it_was_changed() -> None:
    assert redact_argv(["ls", "-la", "logs"]) == (("ls", "-la", "logs"), False)
    secret = made(20)
    for argv in (
        ["tool", "--password", secret + " with a space"],
        ["curl", "-u", f"admin:{secret}", "https://h"],
        ["mysql", f"-p{secret}", "db"],
        ["env", f"API_TOKEN={secret}", "x"],
        ["git", "clone", f"https://u:{secret}@h/x"],
    ):
        clean, changed = redact_argv(argv)
        assert changed and len(clean) == len(argv)
        assert not survives(secret, " ".join(clean))


@pytest.mark.parametrize("name", ["password", "DB_PASSWORD", "clientSecret", "--api-key", "AccountKey", "SECRET_KEY_2"])
def test_names_that_announce_a_secret(name: str) -> None:
    assert is_secret_name(name)


@pytest.mark.parametrize("name", ["key_name", "token_count", "public_key", "CREDENTIALS_ID", "keyword", "monkey", ""])
def test_names_that_do_not(name: str) -> None:
    assert not is_secret_name(name)


@pytest.mark.parametrize("seed", range(2))
def test_no_kind_of_secret_survives(seed: int) -> None:
    texts = [(template, *filled(template, seed)) for template in (*KINDS, *LATER_KINDS)]
    assert [template for template, text, secret in texts if survives(secret, redact(text))] == []


@pytest.mark.parametrize("seed", range(2))
def test_what_only_looks_like_a_secret_stays(seed: int) -> None:
    texts = [filled(template, seed)[0] for template in (*MORE_LOOK_ALIKES, *LATER_LOOK_ALIKES)]
    assert [text for text in texts if redact(text) != text] == []


@pytest.mark.parametrize("cut", [80, 200, 1_000])
def test_a_key_in_an_argument_is_gone_before_it_is_made_visible(cut: int) -> None:
    key = f"-----BEGIN RSA PRIVATE KEY-----\n{BODY}\n{made(40, seed=3)}\n-----END RSA PRIVATE KEY-----"[:cut]
    words, changed = storable_argv(["deploy", "--with", key])
    assert changed
    assert not survives(made(64), words[2])
    assert not survives(made(64, seed=2), words[2])


REPEATED = ("A", "a://", "password=", '"', "eyJaaaaaaaaaaaaaaaaaa.", "-----BEGIN RSA PRIVATE KEY-----\nAAAA\n", "%41")
ALSO_REPEATED = ("token is ", "az login ", "curl -u ", "cookie: a=", "--p ", "sk-", "\\\n", "://a:a@", "key='\\")
SHAPES = (
    "ab_" + "aB3" * 8 + "-",
    "QUJD",
    "kind: Secret\ndata:\n  a: b\n",
    "-u a -p b ",
    "name: token\nvalue: ",
    "login('a', ",
)
SENTENCES = (
    "password for a: ",
    "session=",
    "login <<< a ",
    "SecureString --value a ",
    "echo a:b | ",
    "secrets set a ",
    "!vault ",
    "setToken('",
    "/webhook/a/",
    "<key>token</key>",
)
LONG_WORDS = ("password is A" + "a" * 480 + "Z ", "token " + "aB" * 200 + " ", "key=" + "a_" * 900 + "! ")


@pytest.mark.parametrize("unit", [*REPEATED, *ALSO_REPEATED, *SHAPES, *SENTENCES, *LONG_WORDS])
def test_hostile_repetition_ends(unit: str) -> None:
    # A quadratic rule would take minutes here.
    token = TOKENS["github"]
    assert not survives(token, redact(unit * (60_000 // len(unit)) + "\n " + token))


def test_the_development_rows_leak_nothing_and_change_few_look_alikes() -> None:
    if not SECRETS.exists():
        pytest.skip("../shared/eval is not here")
    rows = [json.loads(line) for line in SECRETS.read_text("utf-8").splitlines()]
    leaked, changed, harmless = [], [], 0
    for row in rows:
        line = row["line"] if "line" in row else base64.b64decode(row["line_b64"]).decode()
        clean = redact(line)
        if row["must_redact"]:
            leaked += [row["id"] for start, end in row["spans"] if survives(line[start:end], clean)]
        else:
            harmless += 1
            changed += [row["id"]] if clean != line else []
    assert leaked == []
    assert len(changed) <= 0.05 * harmless
