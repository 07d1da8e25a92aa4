"""Which names announce a secret, and which values behind such a name are one."""

from __future__ import annotations

import re
from functools import cache, lru_cache


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_ALWAYS = _set(
    "password passwd passphrase passcode pass pwd secret secrets token tokens apikey accesskey secretkey "
    "privatekey authkey bearer credential credentials creds sessionid sessid jsessionid phpsessid authtoken "
    "accesstoken otp signature sig auth session sid cookie salt pw psk passe presharedkey passwort kennwort "
    "sshpass contrasena senha parola haslo wachtwoord losenord mnemonic pat"
)
_NEEDS_A_RANDOM_VALUE = _set("auth sig signature session sid key cookie salt pass bearer otp pat")
_ENDINGS = tuple(
    _set(
        "password passwd passphrase secret token apikey accesskey secretkey privatekey authkey accountkey "
        "sessionid pwd encryptionkey signingkey masterkey sharedkey clientkey sessionkey deploykey storagekey "
        "licensekey cryptkey presharedkey subscriptionkey passwort kennwort"
    )
)
_BEFORE_KEY = _set(
    "api access secret private auth signing encryption encrypt decryption crypto account master storage shared "
    "app application service license deploy ssh consumer admin session webhook client subscription function host "
    "signature hmac jwt aes rsa ssl tls gpg root write read instrumentation integration team personal ingest "
    "insert device fernet preshared shared wireguard functions subscription fastly age"
)
_AFTER = _set(
    "base value val prod production staging stage dev development test testing live old new backup main default "
    "primary secondary b64 base64 hex plain plaintext text raw env string str data hash header encrypted enc "
    "current"
)
_NOT_SECRET_BEFORE = _set(
    "public pub primary foreign sort partition cache hot natural bucket schema sequence idx index row cursor next "
    "page continuation csrf xsrf lexer syntax first last start end max min total unexpected invalid bad missing "
    "no num prompt completion input output eos bos pad unk stop parse"
)
_CODE_WORDS = _set(
    "none null nil true false undefined nan yes no on off required missing invalid expired empty unset default "
    "string str int bool bytes optional any self this lambda function new await async return not given incorrect "
    "wrong failed denied rejected mismatch changed updated found error unknown disabled enabled hidden prompt "
    "value type object"
)
_VENDORS = _set(
    "adafruit airtable algolia alibaba asana atlassian aws azure beamer bitbucket bittrex cloudflare codecov "
    "cohere coinbase confluent contentful datadog discord dropbox etsy facebook fastly finnhub flickr gcp github "
    "gitlab gitter google grafana heroku hubspot intercom jfrog jira kraken kucoin launchdarkly linear linkedin "
    "lob mailchimp mailgun mapbox mattermost messagebird meraki netlify newrelic nytimes okta openai anthropic "
    "plaid rapidapi sendbird sendgrid sentry slack snyk sonar square stripe sumo telegram travis twilio twitch "
    "twitter vault yandex zendesk softlayer cloudant ibm artifactory pagerduty"
)


@lru_cache(maxsize=4096)
def is_secret_name(name: str) -> bool:
    """Say whether a name announces a secret: `DB_PASSWORD`, `clientSecret`, `--api-key`, not `key_name`."""
    words = _words(name)
    while len(words) > 1 and (words[-1] in _AFTER or words[-1].isdigit()):
        words.pop()
    if not words:
        return False
    last = words[-1]
    before = words[-2] if len(words) > 1 else ""
    if before in _NOT_SECRET_BEFORE:
        return False
    if last in _ALWAYS or last.endswith(_ENDINGS):
        return True
    if last == "key":
        return before in _BEFORE_KEY or any(word in _VENDORS for word in words)
    if last == "seed":
        return before in {"totp", "otp", "wallet", "hd", "master", "private", "signing"}
    return last == "id" and before in {"session", "sess"}


def may_be_secret(value: str, *, quoted: bool, prose: bool = False, name: str = "") -> bool:
    """Say whether a value behind a secret name is one, and not a placeholder, code, or a word of a sentence.

    `quoted`: it stood in quotes; `prose`: a colon and a space came before it, so it may be a sentence.
    """
    plain = value.strip()
    if len(plain) < 3 or is_placeholder(plain) or plain.lower() in _CODE_WORDS:
        return False
    words = _words(name)
    if words and words[-1] == "tokens" and _compiled(r"[\d.,_]{1,32}[kKM]?").fullmatch(plain):
        return False
    if words and words[-1] in _NEEDS_A_RANDOM_VALUE:
        made = looks_random(plain) or (words[-1] == "key" and _compiled(_UUID).fullmatch(plain) is not None)
        return len(plain) >= 8 and (made or (words[-1] == "pass" and not plain.isalpha()))
    if quoted:
        return not _compiled(_NAME_IN_CAPITALS).fullmatch(plain) and not _sentence(plain)
    if any(word in _ALWAYS for word in _words(plain)) and _compiled(_IDENTIFIER).fullmatch(plain):
        return False
    if (
        _compiled(_CALL).match(plain)
        or _compiled(_ATTRIBUTE).fullmatch(plain)
        or plain.startswith(("/", "./", "~/", "=", ">"))
    ):
        return False
    if _compiled(_NAME_IN_CAPITALS).fullmatch(plain):
        return False
    return not (prose and _compiled(_WORD).fullmatch(plain))


def is_placeholder(value: str) -> bool:
    """Say whether a value only stands for a secret: `$TOKEN`, `${{ x }}`, `<token>`, `****`, `[REDACTED]`."""
    lowered = value.lower()
    if not value.strip(" \"'.*-_#") or "redacted" in lowered or "*****" in value or "xxxxxx" in lowered:
        return True
    return _compiled(_PLACEHOLDER).match(value) is not None


def looks_random(value: str) -> bool:
    """Say whether a value looks made by a generator: 12 or more characters, 8 different ones, digits among letters."""
    if len(value) < 12 or len(set(value)) < 8 or _compiled(_UUID).fullmatch(value):
        return False
    return any(c.isdigit() for c in value) and any(c.isalpha() for c in value)


def looks_generated(value: str) -> bool:
    """Say whether one word of a sentence looks made by a generator: letters of both cases with digits, or odd humps."""
    if "/" in value or len(value) < 8 or not (any(c.islower() for c in value) and any(c.isupper() for c in value)):
        return looks_random(value) and len(value) >= 16 and _compiled(_NAME_WITH_NUMBERS).fullmatch(value) is None
    if any(c.isdigit() for c in value):
        return True
    return value.isalpha() and len(value) >= 10 and sum(len(word) < 3 for word in _words(value)) > 1


def is_made(value: str) -> bool:
    """Say whether a value is no word, name, number, path or address: letters with digits, and no form of a name."""
    if "/" in value or "://" in value or len(value) < 8:
        return False
    if looks_generated(value):
        return True
    letters, digits = sum(c.isalpha() for c in value), sum(c.isdigit() for c in value)
    symbols = any(c in "!#$%^&*?~+@" for c in value)
    mixed = digits or (value != value.lower() and value != value.upper() and len(value) >= 10)
    return bool(letters and mixed and symbols)


_NAME_WITH_NUMBERS = (
    r"[A-Za-z]{0,32}(?:[._/:@+-]{1,2}[A-Za-z0-9]{1,14}){1,16}|[A-Z]{0,32}[\d.]{1,32}|[^A-Za-z0-9].{0,600}"
)
_PLACEHOLDER = (
    r"(?i)!(?:vault|secret|ref|sub|env|include|reference|getatt|importvalue)\b|\$\{[^}]{0,256}\}?$|\$\{\{|\$[A-Za-z_]\w{0,64}\$?(?:[:}\"')]|$)|\$\(|\$\d{1,2}$|\{\{|\{(?:[A-Za-z_.]{0,64}|\d{0,2})\}$|%[({]|%[sdrv]$"
    r"|%\w{1,64}%$|<[^>]{1,64}>?[\"'\])]{0,2}$|x-[a-z-]{1,40}$|@\w{1,64}@$|\.\.\.|\[(?:hidden|masked|filtered|secret|token|password)|#\{|`|&lt;"
)
_UUID = r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"
_CALL = r"[A-Za-z_][\w.]{0,128}[(\[]"
_IDENTIFIER = r"[A-Za-z_]{1,64}[;,)\]>}|]{0,3}"
_ATTRIBUTE = r"[A-Za-z_]\w{0,64}(?:(?:\.|->|::)[A-Za-z_]{1,64}){1,8}"
_WORD = r"[A-Za-z][a-z]{1,24}|[A-Z]{2,24}"
_NAME_IN_CAPITALS = r"[A-Z][A-Z0-9]{0,32}(?:_[A-Z0-9]{1,32}){1,8}"
_SPLIT = r"[A-Z]{2,64}(?=[A-Z][a-z]|[^A-Za-z]|$)|[A-Z]?[a-z]{1,64}|[A-Z]{1,64}|\d{1,64}"


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    # Compiled at first use: most texts never get here, and the hook pays for every expression at its start.
    return re.compile(pattern)


@lru_cache(maxsize=4096)
def _words_of(name: str) -> tuple[str, ...]:
    return tuple(word.lower() for word in _compiled(_SPLIT).findall(name))


def _words(name: str) -> list[str]:
    return list(_words_of(name))


def _sentence(value: str) -> bool:
    """Say whether quoted text is words with spaces between them, all of letters."""
    parts = value.split(" ")
    return len(parts) > 2 and all(part.strip(".,!?:'").isalpha() for part in parts if part)
