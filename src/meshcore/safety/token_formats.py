"""What the secrets of known services look like: a name, the texts that must be there, a linear expression."""

from __future__ import annotations

from typing import NamedTuple


class TokenFormat(NamedTuple):
    """A kind of token. One of `hints` (lower case) is in every text that holds one; `pattern` is ASCII and linear.

    Group 1 is the secret where there is one, else the whole match. `variety` is the least number of different
    characters that a real one has: placeholders such as `glsa_XXXX…` have fewer.
    """

    kind: str
    hints: tuple[str, ...]
    pattern: str
    variety: int = 8


_START = r"(?<![A-Za-z0-9])"
_END = r"(?![A-Za-z0-9])"


def _prefixed(kind: str, *prefixes: str, body: str = r"[A-Za-z0-9]", least: int = 20, variety: int = 8) -> TokenFormat:
    """Return the format of tokens that are one of these literal prefixes and at least `least` characters of `body`."""
    names = "|".join(prefixes).replace(".", r"\.").replace("+", r"\+")
    hints = tuple(map(str.lower, prefixes))
    return TokenFormat(kind, hints, f"{_START}(?:{names}){body}{{{least},4096}}", variety)


_W = r"[A-Za-z0-9_-]"
_HEX = r"[A-Fa-f0-9]"

FORMATS: tuple[TokenFormat, ...] = (
    # Cloud providers
    TokenFormat(
        "aws-key-id",
        ("akia", "asia", "abia", "acca", "a3t", "aroa", "aida"),
        _START + r"(?:A3T[A-Z0-9]|AKIA|ASIA|ABIA|ACCA|AROA|AIDA)[A-Z0-9]{16}" + _END,
        1,
    ),
    _prefixed("aws-bedrock-key", "ABSK", body=r"[A-Za-z0-9+/=]", least=100),
    _prefixed("aws-session-token", "FwoGZXIvYXdzE", "IQoJb3JpZ2lu", body=r"[A-Za-z0-9+/=%]", least=60),
    _prefixed("google-api-key", "AIza", body=_W, least=30),
    _prefixed("google-oauth-token", "ya29.", "GOCSPX-", body=r"[A-Za-z0-9_.-]", least=20),
    TokenFormat("google-oauth-refresh", ("1//0",), _START + r"1//0[A-Za-z0-9_-]{30,512}"),
    TokenFormat("azure-client-secret", ("q~",), r"(?<![A-Za-z0-9_~.])[A-Za-z0-9_~.]{3}\dQ~[A-Za-z0-9_~.-]{31,40}", 10),
    TokenFormat(
        "azure-storage-key",
        ("account", "azure", "cosmos", "blob"),
        r"(?<![A-Za-z0-9+/-])[A-Za-z0-9+/]{86}==(?![A-Za-z0-9+/=])",
        20,
    ),
    TokenFormat(
        "azure-devops-token", ("azdo",), _START + r"[A-Za-z0-9]{52}JQQJ99[A-Za-z0-9]{10,32}|AZDO[A-Za-z0-9]{4,8}"
    ),
    TokenFormat("azure-key", ("jqqj99",), r"[A-Za-z0-9]{20,52}JQQJ99[A-Za-z0-9]{8,32}"),
    _prefixed("alibaba-key-id", "LTAI", least=16),
    _prefixed("tencent-key-id", "AKID", least=32),
    _prefixed("digitalocean-token", "dop_v1_", "doo_v1_", "dor_v1_", body=_HEX, least=40),
    _prefixed("cloudflare-ca-key", "v1.0-", body=r"[a-f0-9-]", least=60),
    _prefixed("flyio-token", "fo1_", "fm1r_", "fm1a_", "fm2_", body=r"[A-Za-z0-9_+/=,-]", least=40),
    _prefixed("heroku-key", "HRKU-", body=_W, least=30),
    _prefixed("scalingo-token", "tk-us-", body=_W, least=40),
    TokenFormat(
        "yandex-token", ("aqvn", "t1."), _START + r"(?:AQVN[A-Za-z0-9_-]{35,40}|t1\.[\w-]{1,64}=?=?\.[\w-]{80,90})"
    ),
    _prefixed("planetscale-token", "pscale_tkn_", "pscale_oauth_", "pscale_pw_", body=r"[\w=.-]", least=24),
    # Code hosting and delivery
    _prefixed("github-token", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", least=20),
    _prefixed("github-token", "github_pat_", body=r"[A-Za-z0-9_]", least=22),
    TokenFormat(
        "gitlab-token",
        ("glpat-", "gldt-", "glrt-", "glptt-", "glft-", "glimt-", "glagent-", "gloas-", "glsoat-", "glffct-", "glcbt-"),
        _START + r"gl(?:pat|dt|rt|ptt|ft|imt|agent|oas|soat|ffct|cbt)-[\w.-]{16,320}",
    ),
    TokenFormat("gitlab-runner-token", ("gr1348941",), _START + r"GR1348941[\w-]{16,320}"),
    TokenFormat("gitlab-session", ("_gitlab_session=",), r"_gitlab_session=([0-9a-z]{32})"),
    _prefixed("bitbucket-token", "ATBB", "ATATT3", "ATCTT3", body=r"[A-Za-z0-9_=-]", least=24),
    _prefixed("npm-token", "npm_", least=30),
    _prefixed("pypi-token", "pypi-", body=_W, least=50),
    _prefixed("rubygems-token", "rubygems_", body=_HEX, least=40),
    _prefixed("clojars-token", "CLOJARS_", "clojars_", least=50),
    _prefixed("cargo-token", "cio", least=32),
    _prefixed("nuget-key", "oy2", body=r"[a-z0-9]", least=43),
    _prefixed("dockerhub-token", "dckr_pat_", "dckr_oat_", body=_W, least=20),
    TokenFormat(
        "artifactory-token",
        ("akc", "ap", "cmvmd"),
        r"(?<![A-Za-z0-9_-])(?:AKC[A-Za-z0-9]{10,128}|AP[0-9A-F][a-z0-9][A-Za-z0-9]{7,128}|cmVmd[A-Za-z0-9]{50,64})"
        + _END,
        2,
    ),
    _prefixed("octopus-key", "API-", body=r"[A-Z0-9]", least=25),
    _prefixed("sourcegraph-token", "sgp_", body=r"[A-Za-z0-9_]", least=40),
    _prefixed("travis-buildkite-token", "bkua_", "bkaj_", "CCIPAT_", "CCIPRJ_", body=_W, least=30),
    _prefixed("pulumi-token", "pul-", body=_HEX, least=40),
    TokenFormat("terraform-token", (".atlasv1.",), r"[A-Za-z0-9]{14}\.atlasv1\.[\w=-]{40,128}"),
    _prefixed("prefect-token", "pnu_", "pnb_", least=30),
    _prefixed(
        "doppler-token", "dp.pt.", "dp.st.", "dp.ct.", "dp.sa.", "dp.scim.", "dp.audit.", body=r"[\w.-]", least=30
    ),
    TokenFormat("harness-token", ("pat.", "sat."), _START + r"[ps]at\.[\w-]{22}\.[A-Za-z0-9]{24}\.[A-Za-z0-9]{20}"),
    TokenFormat("infracost-token", ("ico-",), r"(?<![\w.])ico-[A-Za-z0-9]{32}(?![\w.])"),
    _prefixed("snyk-sonar-token", "snyk_uat.", "squ_", "sqp_", "sqa_", body=r"[\w.-]", least=32),
    _prefixed("vercel-netlify-token", "nfp_", "nfc_", "nfo_", "vcp_", "vca_", "vck_", least=24),
    # Models
    TokenFormat("openai-key", ("sk-",), _START + r"sk-(?:proj|svcacct|admin|None|service)-[\w-]{16,512}"),
    TokenFormat("openai-key", ("sk-",), _START + r"sk-[A-Za-z0-9]{20,128}"),
    _prefixed("anthropic-key", "sk-ant-", "sk-or-v1-", "sk-lf-", body=_W, least=20),
    TokenFormat(
        "openai-key", ("sk-",), _START + r"sk-[a-z]{2,12}-(?=[A-Za-z+/]{0,32}\d)[A-Za-z0-9+/]{40,512}={0,2}", 14
    ),
    TokenFormat("openai-key", ("sk-",), _START + r"sk-(?=[a-z_-]{0,64}\d)[\w-]{32,256}", 12),
    TokenFormat("huggingface-token", ("hf_", "api_org_"), _START + r"(?:hf|api_org)_[A-Za-z0-9]{34,37}" + _END),
    _prefixed(
        "model-service-key",
        "pplx-",
        "gsk_",
        "r8_",
        "xai-",
        "tgp_v1_",
        "fw_",
        "nvapi-",
        "jina_",
        "lsv2_pt_",
        "lsv2_sk_",
        body=_W,
        least=24,
    ),
    _prefixed("mistral-modal-key", "ak-", "as-", least=22, variety=10),
    _prefixed("voyage-key", "pa-", body=_W, least=40, variety=14),
    # Messages and mail
    TokenFormat(
        "slack-token",
        ("xox", "xapp-"),
        _START + r"(?:xox[abceoprs]-|xoxe\.xox[bp]-|xapp-)(?=[\w-]{0,40}\d)[\w-]{10,512}",
        5,
    ),
    TokenFormat(
        "webhook-url",
        (
            "hooks.slack.com",
            "discord.com/api/webhooks",
            "discordapp.com/api/webhooks",
            "webhook.office.com",
            "chat.googleapis.com",
        ),
        r"(?:https?://)?(?:hooks\.slack\.com/(?:services|workflows|triggers)|(?:\w{1,12}\.)?discord(?:app)?\.com/api/webhooks"
        r"|[\w-]{1,64}\.webhook\.office\.com/webhookb2|chat\.googleapis\.com/v1/spaces)/[\w+/@.?=&%-]{16,512}",
    ),
    TokenFormat("telegram-token", (":a",), r"(?<![\d:])\d{8,10}:A[A-Za-z0-9_-]{33,36}(?![\w-])", 10),
    TokenFormat(
        "discord-token",
        (".",),
        r"(?<![\w-])(?:mfa\.[\w-]{60,100}|[MNO][A-Za-z0-9_-]{22,28}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,45})(?![\w-])",
        12,
    ),
    TokenFormat("twilio-key", ("sk",), _START + r"SK[0-9a-fA-F]{32}" + _END),
    TokenFormat("twilio-account", ("ac",), _START + r"AC[0-9a-f]{32}" + _END),
    _prefixed("sendgrid-key", "SG.", body=r"[\w=.-]", least=40, variety=12),
    _prefixed("sendinblue-key", "xkeysib-", "xsmtpsib-", body=r"[A-Za-z0-9-]", least=40),
    TokenFormat("mailgun-key", ("key-",), _START + r"(?:pub)?key-[0-9a-f]{32}" + _END),
    TokenFormat("mailgun-signing-key", ("-",), r"(?<![\w-])[a-f0-9]{32}-[a-f0-9]{8}-[a-f0-9]{8}(?![\w-])"),
    TokenFormat("mailchimp-key", ("-us",), _START + r"[0-9a-f]{32}-us\d{1,2}" + _END),
    _prefixed("postmark-mandrill-key", "md-", body=_W, least=22),
    # Payment and shops
    TokenFormat(
        "stripe-key",
        ("_live_", "_test_", "_prod_", "whsec_"),
        _START + r"(?:[sr]k_(?:live|test|prod)_|whsec_)[A-Za-z0-9+/=]{10,256}",
        5,
    ),
    TokenFormat("square-token", ("eaaa", "sq0"), _START + r"(?:EAAA[\w-]{22,80}|sq0[a-z]{3}-[\w-]{20,64})"),
    _prefixed("shopify-token", "shpat_", "shpca_", "shppa_", "shpss_", body=_HEX, least=30),
    TokenFormat("paypal-token", ("access_token$",), r"access_token\$(?:production|sandbox)\$[\w$]{20,128}"),
    _prefixed("shippo-token", "shippo_live_", "shippo_test_", body=_HEX, least=30),
    _prefixed("duffel-token", "duffel_test_", "duffel_live_", body=r"[\w=-]", least=30),
    _prefixed("easypost-key", "EZAK", "EZTK", least=40),
    _prefixed("flutterwave-key", "FLWSECK_TEST-", "FLWSECK-", body=r"[A-Za-z0-9-]", least=12),
    TokenFormat("lob-key", ("live_", "test_"), _START + r"(?:live|test)_(?:pub_)?[a-f0-9]{31,40}" + _END),
    TokenFormat("plaid-token", ("access-",), _START + r"access-(?:sandbox|development|production)-[0-9a-f-]{36}"),
    # Data and observation
    _prefixed("databricks-token", "dapi", body=r"[a-f0-9-]", least=32),
    _prefixed("grafana-token", "glsa_", "glc_", "eyJrIjoi", body=r"[A-Za-z0-9_+/=]", least=32),
    _prefixed("newrelic-key", "NRAK-", "NRJS-", "NRII-", "NRRA-", "NRIQ-", body=_W, least=19),
    TokenFormat("newrelic-license", ("nral",), r"[a-f0-9]{30,40}(?:FFFF)?NRAL"),
    _prefixed("sentry-token", "sntrys_", "sntryu_", "sntrya_", body=r"[A-Za-z0-9_+/=]", least=40),
    _prefixed("dynatrace-token", "dt0c01.", "dt0s01.", "dt0s16.", body=r"[A-Za-z0-9.]", least=40),
    _prefixed("posthog-token", "phc_", "phx_", "pha_", least=32),
    _prefixed("mapbox-token", "pk.eyJ", "sk.eyJ", "tk.eyJ", body=r"[\w.-]", least=40),
    TokenFormat("clickhouse-key", ("4b1d",), _START + r"4b1d[A-Za-z0-9]{38}" + _END, 12),
    TokenFormat("maxmind-key", ("_mmk",), r"[A-Za-z0-9]{6}_[A-Za-z0-9]{29}_mmk"),
    _prefixed("supabase-key", "sbp_", "sb_secret_", body=r"[A-Za-z0-9_]", least=24),
    _prefixed("airtable-token", "pat", body=r"[A-Za-z0-9]{14}\.[a-f0-9]", least=60),
    _prefixed("weights-token", "wandb_v1_", body=_W, least=40),
    # Work and identity
    TokenFormat(
        "jwt", ("eyj",), r"(?<![A-Za-z0-9_-])eyJ[\w-]{14,8192}\.[\w/\\-]{14,16384}(?:\.[\w/\\=-]{0,4096}){0,3}", 10
    ),
    TokenFormat("jwt", ("eyjhbgci", "eyj0exai"), r"(?<![A-Za-z0-9_-])eyJ(?:hbGciOi|0eXAiOi)[\w-]{10,8192}"),
    TokenFormat("jwt-base64", ("zxlk",), _START + r"ZXlK[\w+/-]{40,16384}={0,2}", 12),
    TokenFormat("openshift-token", ("sha256~",), _START + r"sha256~[\w-]{30,64}"),
    TokenFormat("vault-token", ("hvs.", "hvb.", "hvr."), _START + r"hv[sbr]\.[\w-]{20,512}"),
    TokenFormat("vault-token", ("s.", "b."), r"(?<![\w.-])[sb]\.(?=[A-Za-z]{0,23}\d)[A-Za-z0-9]{24}(?![\w.])", 10),
    _prefixed("1password-token", "ops_eyJ", body=r"[A-Za-z0-9+/=_-]", least=100, variety=16),
    TokenFormat("1password-key", ("a3-",), _START + r"A3-[A-Z0-9]{6}-[A-Z0-9]{5,6}(?:-?[A-Z0-9]{5,6}){3,5}"),
    _prefixed("age-key", "AGE-SECRET-KEY-1", body=r"[A-Z0-9]", least=40),
    _prefixed("adobe-secret", "p8e-", least=30),
    _prefixed("notion-token", "ntn_", "secret_", least=40),
    _prefixed("linear-token", "lin_api_", "lin_oauth_", least=32),
    _prefixed("postman-key", "PMAK-", body=r"[A-Fa-f0-9-]", least=40),
    _prefixed("figma-frameio-token", "figd_", "figo_", "fio-u-", body=r"[\w=-]", least=36),
    _prefixed("typeform-token", "tfp_", body=r"[\w=.-]", least=40),
    _prefixed("readme-token", "rdme_", body=r"[a-z0-9]", least=60),
    _prefixed("settlemint-token", "sm_aat_", "sm_pat_", "sm_sat_", least=16),
    _prefixed("intra42-secret", "s-s4t2ud-", "s-s4t2af-", body=_HEX, least=60),
    _prefixed("hubspot-token", "pat-na1-", "pat-eu1-", "pat-na2-", body=r"[a-f0-9-]", least=32),
    _prefixed("facebook-token", "EAAM", "EAAC", "EAAB", "EAAG", least=80),
    TokenFormat("facebook-token", ("|", "%"), r"(?<!\d)\d{15,16}[|%](?=[\w-]{0,40}[A-Za-z])[\w-]{27,40}(?![\w-])", 12),
    TokenFormat("twitter-bearer", ("aaaaaaaaaaaaaaaaaaaa",), r"(?<!A)A{20,22}(?!A)[A-Za-z0-9%]{60,120}", 16),
    _prefixed("authress-key", "scauth_", "authress_", body=r"[\w.+/=-]", least=40),
    _prefixed("tailscale-key", "tskey-", body=_W, least=20),
    _prefixed("ngrok-key", "ngrok_", "cr_", body=r"[A-Za-z0-9]", least=40, variety=12),
    _prefixed("defined-key", "dnkey-", body=r"[\w=-]", least=40),
    TokenFormat("okta-token", ("00",), r"(?i:okta[\w.-]{0,30})[\s'\"]{0,3}[:=]{1,2}[\s'\"]{0,3}(00[\w-]{40})"),
    TokenFormat("softlayer-token", ("api.softlayer.com",), r"api\.softlayer\.com/soap/v\d(?:\.\d)?/([a-z0-9]{64})"),
    TokenFormat("teamcity-token", ("eyj0exai",), _START + r"eyJ0eXAiOiAi[\w.=-]{20,256}"),
    TokenFormat("ssh-private-key", ("b3blbnnzac1rzxktdje",), r"b3BlbnNzaC1rZXktdjE[A-Za-z0-9+/=\s]{20,16384}"),
    TokenFormat(
        "password-hash",
        ("$",),
        r"(?<![\w$])\$(?:2[abxy]|1|5|6|7|y|gy|argon2id?|argon2i|scrypt|pbkdf2[\w-]{0,20})\$[\w./+=,$-]{20,512}",
        10,
    ),
    # Without a name before them, but of one exact form
    TokenFormat(
        "private-key",
        ("ibaakc", "ibadan"),
        r"MI[A-Z][A-Za-z0-9+/]{2,5}(?:IBAAKC|IBADAN)(?:[A-Za-z0-9+/=]{16,4096}(?:\\n|\s)?){1,99}",
    ),
    TokenFormat(
        "private-key",
        ("mhccaqee", "mighageam", "mig2ageam", "mc4caqaw", "mhqcaqee", "migkageb"),
        r"(?:MHcCAQEE|MIGHAgEAM|MIG2AgEAM|MC4CAQAw|MHQCAQEE|MIGkAgEB)[A-Za-z0-9+/=]{16,8192}",
    ),
    TokenFormat("deploy-key", ("|",), r"(?<![\w:])[a-z]{2,12}:[\w-]{3,64}\|([A-Za-z0-9+/]{40,512}={0,2})", 14),
    TokenFormat("resend-key", ("re_",), _START + r"re_[A-Za-z0-9]{6,10}_[A-Za-z0-9]{20,40}", 12),
    TokenFormat("airtable-token", ("pat",), _START + r"pat[A-Za-z0-9]{14}\.[0-9a-f]{64}"),
    TokenFormat("asana-token", ("1/", "2/"), r"(?<![\w/])[12]/\d{10,20}(?:/\d{10,20})?:[0-9a-f]{32}(?![\w])"),
    TokenFormat("salesforce-session", ("!aq",), r"(?<![A-Za-z0-9])00D[A-Za-z0-9]{12,15}!AQ[\w.]{40,512}"),
    TokenFormat(
        "bitwarden-token", ("0.",), r"(?<![\w.])0\.[0-9a-f-]{36}\.[A-Za-z0-9]{20,40}:[A-Za-z0-9+/]{20,44}={0,2}"
    ),
    TokenFormat(
        "razorpay-mollie-key",
        ("live_", "rzp_test_"),
        r"(?<![A-Za-z0-9])(?:live|rzp_(?:live|test))_(?=[A-Za-z]{0,30}\d)[A-Za-z0-9]{14,40}(?![\w])",
        9,
    ),
)
