"""Kinds of secrets and of what only looks like one, as templates that a seed fills in: no secret stands in this file.

`{a20}` is 20 characters of an alphabet (see ALPHABETS), `{uuid}` a UUID, `{word}` a pronounceable word with a number,
`{b64:TEXT}` the base64 of TEXT. What stands between « and » is the secret.
"""

from __future__ import annotations

import base64
import random
import re
import string

_LOWER, _UPPER, _DIGITS = string.ascii_lowercase, string.ascii_uppercase, string.digits
ALPHABETS = {
    "a": string.ascii_letters + _DIGITS,
    "h": "0123456789abcdef",
    "H": "0123456789ABCDEF",
    "l": _LOWER + _DIGITS,
    "u": _UPPER + _DIGITS,
    "d": _DIGITS,
    "t": _UPPER + "234567",
    "b": string.ascii_letters + _DIGITS + "+/",
    "w": string.ascii_letters + _DIGITS + "_-",
    "p": string.ascii_letters + _DIGITS + "!#^*?.+~",
    "c": _LOWER,
}
_WORDS = ("harbor", "correct", "violet", "monday", "falcon", "summer", "orchid", "granite", "copper", "winter")


def filled(template: str, seed: int) -> tuple[str, str]:
    """Return the text of a template and the secret that it holds ("" where it holds none)."""
    rng = random.Random(f"{seed} {template}")

    def one(match: re.Match[str]) -> str:
        name, size = match[1], match[2]
        if name == "uuid":
            digits = "".join(rng.choice("0123456789abcdef") for _ in range(32))
            return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
        if name == "word":
            return rng.choice(_WORDS) + rng.choice("-_!.") + rng.choice(_WORDS) + str(rng.randrange(10, 99))
        return "".join(rng.choice(ALPHABETS[name]) for _ in range(int(size)))

    text = re.sub(r"\{(uuid|word|[a-zA-Z])(\d*)\}", one, template.replace(r"\r", "\r").replace(r"\n", "\n"))
    text = re.sub(r"\{b64:((?:\{[^{}]*\}|[^{}])*)\}", lambda match: base64.b64encode(match[1].encode()).decode(), text)
    secret = text[text.index("«") + 1 : text.index("»")] if "«" in text else ""
    return text.replace("«", "").replace("»", ""), secret


KINDS = r"""
Error: supabase: invalid token «sbp_{h40}»
supabase: key «sb_secret_{w22}_{w8}» was revoked
resend.exceptions: «re_{a8}_{a24}» is not valid
using cerebras with «csk-{l48}»
voyage rejected «pa-{w43}»
tavily said no to «tvly-dev-{a32}»
firecrawl: «fc-{h32}» expired
elevenlabs 401 for «sk_{h48}»
e2b sandbox with «e2b_{h40}» failed
modal: «ak-{a22}» cannot log in
modal: «as-{a22}» cannot log in
runpod refused «rpa_{u40}»
pinecone.exceptions: «pcsk_{a6}_{a63}» Unauthorized
neon: «napi_{l64}» has no access
render: bad «rnd_{a28}»
deno deploy with «ddp_{a36}» failed
vercel blob «vercel_blob_rw_{a16}_{a30}» not found
honeycomb: «hcaik_{l58}» rejected
axiom: «xaat-{uuid}» has no rights
axiom: «xapt-{uuid}» has no rights
sentry-cli: «sntryu_{h64}» is wrong
sentry-cli: «sntrys_{a120}_{a43}» is wrong
posthog: «phx_{a43}» personal key
launchdarkly: «sdk-{uuid}» not authorised
launchdarkly: «api-{uuid}» not authorised
BWS_ACCESS_TOKEN=«0.{uuid}.{a30}:{b22}==» bws list
airtable: «pat{a14}.{h64}» INVALID_PERMISSIONS
asana: «1/{d16}:{h32}» not authorised
clickup: «pk_{d8}_{u32}» wrong
contentful: «CFPAT-{w43}» wrong
mailersend: «mlsn.{h64}» unauthenticated
plaid: «access-production-{uuid}» item locked
paddle «pdl_live_apikey_{l26}_{a22}_{a3}» forbidden
razorpay «rzp_live_{a14}» failed with status 401
mollie: «live_{a30}» bad request
alchemy sdk: «alcht_{a30}» wrong
POST https://mainnet.infura.io/v3/«{h32}» 429 Too Many Requests
GET https://eth-mainnet.g.alchemy.com/v2/«{w32}» 401
dbt cloud: «dbtc_{w43}» not found
wandb: «wandb_v1_{w27}_{w48}» wrong
cockroach: «CCDB1_{a22}_{a40}» denied
nats: seed «SUA{t55}» does not match
stellar: «S{t55}» cannot sign
PRIVATE_KEY=«0x{h64}» forge script
MNEMONIC="«harbor correct violet monday falcon summer orchid granite copper winter table zebra»"
salesforce: «00D{a12}!AQ{a90}» INVALID_SESSION_ID
newrelic «NRAK-{u27}» forbidden
langfuse «sk-lf-{uuid}» 401
deepseek «sk-{h32}» 402
MISTRAL_API_KEY=«{a32}» mistral chat
EXA_API_KEY=«{uuid}» exa
RAILWAY_TOKEN=«{uuid}» railway up
SCW_SECRET_KEY=«{uuid}» scw instance
HCLOUD_TOKEN=«{a64}» hcloud server list
CODECOV_TOKEN=«{uuid}» codecov
SNYK_TOKEN=«{uuid}» snyk test
GITEA_TOKEN=«{h40}» tea login
WANDB_API_KEY=«{h40}» python train.py
DD_API_KEY=«{h32}» datadog-agent
X-Postmark-Server-Token: «{uuid}»
DD-APPLICATION-KEY: «{h40}»
Ocp-Apim-Subscription-Key: «{h32}»
X-MBX-APIKEY: «{a64}»
Fastly-Key: «{w32}»
PRIVATE-TOKEN: «{w20}»
curl -H "apikey: «{a40}»" https://x.example/rest/v1/
curl -H 'X-Vault-Token: «{w28}»' https://vault.example/v1/sys
curl -H "X-Auth-Key: «{h37}»" https://api.example/zones
curl --header 'X-Api-Secret: «{word}»' https://h
http POST https://h X-Service-Token:«{a24}»
DB_PW=«{a14}» ./manage check
ROOT_PW=«{word}» docker compose up
export SMTP_PW='«{word}»'
ADMIN_PWD=«{word}»
MYSQL_PWD=«{word}» mysql -uroot
PGPASSWORD=«{word}» psql
dbPw: «{a12}»
spring.datasource.pw=«{word}»
smtp_pass = «{word}»
ldap.bind.passwd=«{word}»
KEYSTORE_PASS=«{word}»
"userPw": "«{word}»"
passwort=«{word}»
contraseña: «{word}»
mot_de_passe = "«{word}»"
senha=«{word}»
密码：«{a12}»
пароль: «{a12}»
PrivateKey = «{b42}8=»
PresharedKey = «{b42}8=»
wg set wg0 peer x preshared-key «{b42}8=»
wpa_passphrase homenet «{word}»
nmcli dev wifi connect homenet password «{word}»
  psk="«{word}»"
wpa-psk «{h64}»
iwctl --passphrase «{word}» station wlan0 connect x
az login --service-principal -u {uuid} -p «{a34}» --tenant {uuid}
sometool login -u bob -p «{word}»
acmectl connect -U admin -P «{word}» --host h
foocli -p «{p16}» push
barctl -w «{a18}» sync
supabase link --project-ref abc -p «{p16}»
xfreerdp /v:h /u:bob /p:«{word}»
net use \\h\s /user:bob «{word}»
lftp -u bob,«{word}» sftp://h
x11vnc -passwd «{word}» -display :0
mc alias set minio http://h:9000 bob «{a32}»
aws configure set aws_secret_access_key «{b40}»
npm config set //registry.example/:_authToken «{a40}»
yarn config set npmAuthToken «{a40}»
poetry config pypi-token.pypi «{a60}»
poetry config http-basic.acme bob «{word}»
bundle config set gems.acme.example bob:«{word}»
composer config http-basic.repo.acme.example bob «{word}»
cargo login «{a36}»
vault kv put secret/db password=«{word}»
kubectl create secret generic db --from-literal=password=«{word}»
kubectl create secret generic db --from-literal=anything=«{a18}»
kubectl config set-credentials bob --token=«{a40}»
heroku config:set SENDGRID=«{a40}»
flyctl secrets set DATABASE=«{a30}»
gh secret set DEPLOY --body «{a30}»
doppler secrets set DEPLOY «{a30}»
consul kv put db/password «{word}»
etcdctl --user root:«{word}» get /
rabbitmqctl add_user bob «{word}»
rabbitmqctl change_password bob «{word}»
mosquitto_passwd -b /etc/m.pw bob «{word}»
echo "bob:«{word}»" | chpasswd
echo «{word}» | docker login -u bob --password-stdin
echo '«{word}»' | sudo -S apt update
echo «{a40}» | gh auth login --with-token
gpg --batch --passphrase «{word}» -d x.gpg
restic --password-command 'echo «{word}»' snapshots
BORG_PASSPHRASE='«{word}»' borg list
ALTER USER bob WITH PASSWORD '«{word}»'
CREATE ROLE bob LOGIN ENCRYPTED PASSWORD '«{word}»'
SET PASSWORD FOR 'bob'@'h' = PASSWORD('«{word}»')
CREATE USER bob IDENTIFIED WITH sha256_password BY '«{word}»'
db.createUser({user: 'bob', pwd: '«{word}»', roles: []})
redis> AUTH «{a20}»
CONFIG SET requirepass «{word}»
Server=h;Uid=bob;Pwd=«{word}»;Database=x
Driver=x;UID=bob;PWD={«{word}»};Server=h
Endpoint=sb://h.servicebus.windows.net/;SharedAccessKeyName=Root;SharedAccessKey=«{b42}s=»
InstrumentationKey=«{uuid}»;IngestionEndpoint=https://x.example/
jdbc:postgresql://h/db?user=bob&password=«{word}»
jdbc:sqlserver://h;databaseName=x;user=bob;password=«{word}»;
clickhouse://default:«{word}»@h:9000/x
mongodb+srv://bob:«{word}»@cluster0.abc.mongodb.net/x
https://«{h32}»@o4504.ingest.sentry.example/45
otpauth://totp/acme:bob?secret=«{t32}»&issuer=acme
totp_seed: «{t32}»
$env:API_TOKEN = "«{a30}»"
setx API_KEY «{a30}»
setenv DEPLOY_TOKEN «{a30}»
set -x DEPLOY_TOKEN «{a30}»
SetEnv DB_PASS «{word}»
ConvertTo-SecureString "«{word}»" -AsPlainText -Force
ENV MYSQL_ROOT_PW «{word}»
conn.setPassword("«{word}»");
smtp.login('bob@x.example', '«{word}»')
new UsernamePasswordCredentials("bob", "«{word}»")
Config(user='bob', password='«{word}»', port=1)
{'user': 'bob', 'pw': b'«{word}»'}
&{User:bob Password:«{word}» Port:5432}
Credentials { token: Some("«{a30}»"), user: "bob" }
:password => "«{word}»", :user => "bob"
<key>Password</key><string>«{word}»</string>
<input type="password" name="p" value="«{word}»">
env:\n  - name: DB_PASSWORD\n    value: «{word}»
{"name": "API_SECRET", "value": "«{word}»"}
{"Key": "db-password", "Value": "«{word}»"}
password: >-\n  «{word}»
Content-Disposition: form-data; name="password"\r\n\r\n«{word}»\r\n
https://app.example/cb#access_token=«{a40}»&token_type=bearer
https://hooks.acme.example/webhook/«{a32}»
https://api.acme.example/bot/«{a40}»/send
log: «{b64:API_KEY=hx72jsk28dkw02jd}» decoded
env: «{b64:DB_PASSWORD=Tr0ub4dor-and-3}»
secret payload «{b64:{"user":"bob","password":"hx72-jsk28"}}»
apiVersion: v1\nkind: Secret\ndata:\n  blob: «{b64:hx72jsk28dkw02jd81}»\n
apiVersion: v1\ndata:\n  DSN: «{b64:hx72jsk28dkw02jd81}»\nkind: Secret\n
{"kind":"Secret","data":{"x":"«{b64:hx72jsk28dkw02jd81}»"}}
client-key-data: «LS0tLS1CRUdJTiBSU0EgUFJJVkFURSBLRVktLS0tLQo{a200}=»
tls.key: «LS0tLS1CRUdJTiBFQyBQUklWQVRFIEtFWS0tLS0tCk{a160}»
deploy --key '-----BEGIN RSA PRIVATE KEY-----«{b64}\n{b64}\n{b20}»'
deploy --key -----BEGIN RSA PRIVATE KEY----- «{b64} {b64} {b20}»
deploy -----BEGIN PRIVATE KEY-----␊«{b64}␊{b64}␊{b30}»
deploy -----BEGIN OPENSSH PRIVATE KEY-----«{b60}»
key=«MIIEpAIBAAKCAQEA{b200}»
could not parse «MIIEvQIBADANBgkqhkiG9w0BAQEFAASC{b180}»
bad key: «MHcCAQEEI{b100}»
-----BEGIN OpenVPN Static key V1-----\n«{h32}\n{h32}\n{h32}»\n-----END OpenVPN Static key V1-----
h:5432:app:bob:«{word}» in .pgpass
_auth=«{b40}»
--docker-password=«{word}»
helm install x --set postgresql.auth.postgresPassword=«{word}»
terraform apply -var db_password=«{word}»
terraform apply -var='admin_pw=«{word}»'
mvn deploy -Dgpg.passphrase=«{word}»
gradle publish -PossrhPassword=«{word}»
msbuild /p:CertPassword=«{word}»
docker build --build-arg NPM_TOKEN=«{a36}» .
docker run -e POSTGRES_PASSWORD=«{word}» postgres
ansible-playbook x.yml -e "ansible_become_pass=«{word}»"
git config http.extraheader "AUTHORIZATION: basic «{b40}»"
git clone https://«{a40}»@git.acme.example/x.git
git clone https://oauth2:«{a30}»@git.acme.example/x.git
pip install --index-url https://bob:«{word}»@pypi.acme.example/simple x
access_token: «{w60}»
refresh_token="«{w60}»"
"idToken":"«{w80}»"
Set-Cookie: __Secure-session=«{w40}»; Secure
proxy-authorization: Basic «{b32}»
Authorization: ApiKey «{b40}==»
Authorization: «{h40}»
Authorization: token «{h40}»
AWS_SESSION_TOKEN=«{b200}»
session key: «{h64}»
encryption_key = "«{b42}8=»"
FERNET_KEY=«{w43}=»
SECRET_KEY_BASE=«{h128}»
DJANGO_SECRET_KEY='«{p50}»'
APP_KEY=base64:«{b43}=»
JWT_SECRET=«{a48}»
webhook secret whsec_«{a32}»
the password for bob is «{a14}»
your new API key: «{a32}»
Generated root password: «{p16}»
temporary password is generated for root@localhost: «{p12}»
initial admin password: «{h32}»
""".strip().splitlines()

LOOK_ALIKES = r"""
--- PASS: TestFormatNumber2Digits (0.00s)
--- PASS: TestParse/Token_With_2_Spaces (0.00s)
    --- PASS: TestPasswordHasher/bcrypt_cost_12 (0.31s)
PASS: tests/test_auth.py::test_token_refresh_v2
=== RUN   TestTokenBucketLimiter64Bit
FAIL: TestSecretManager_RotateKey1 (0.01s)
PASS tests/unit/keys.test.ts (5.21 s)
PASSED tests/test_keys.py::TestApiKey::test_valid_key_2024
ok github.com/acme/app/internal/token 0.213s
commit {h40}
HEAD is now at {h8} fix token parser
index {h7}..{h7} 100644
Merge: {h7} {h7}
image: nginx@sha256:{h64}
Digest: sha256:{h64}
"integrity": "sha512-{b86}=="
resolved "https://registry.yarnpkg.com/x/-/x-1.0.0.tgz#{h40}"
checksum = "{h64}"
--hash=sha256:{h64}
h1:{b43}=
hash: "{h64}"
content_hash = "{h64}"
md5:{h32}
etag: "{h32}"
ETag: W/"{h16}"
x-request-id: {uuid}
"id": "{uuid}"
user_id={uuid}
tenant {uuid} not found
correlation_id: {uuid}
run id {uuid} failed
traceparent: 00-{h32}-{h16}-01
build id: {h40}
libfoo-{h16}.rlib
/app/dist/main-{h20}.js
/_next/static/chunks/{h16}.js
chunk-{u8}.js
/nix/store/{l32}-openssl-3.0.13
/tmp/pytest-of-root/pytest-12/test_token_refresh0
/tmp/tmp{l8}/venv/bin/python
/var/lib/docker/overlay2/{h64}/merged
/home/bob/.cache/pip/http/{h2}/{h2}/{h56}
node_modules/.pnpm/token-types@5.0.1/node_modules
site-packages/secretstorage-3.3.3.dist-info/RECORD
~/.ssh/id_ed25519 not found
/etc/ssl/private/key.pem: Permission denied
i-0{h16} is stopped
sg-0{h16} does not exist
subnet-0{h16} has no route
ami-0{h16} not found
arn:aws:iam::{d12}:role/TokenVendingMachineRole
arn:aws:kms:eu-west-1:{d12}:key/{uuid}
req_{a24} failed
request_id: req_{h32}
toolu_{a24} was called
"tool_use_id": "toolu_{a24}"
"id":"msg_{a24}"
chatcmpl-{a29}
call_{a24}
resp_{h50}
run_{a24} is queued
thread_{a24}
file-{a24}
evt_{a24}
cus_{a14} has no source
pi_{a24} requires action
price_{a24}
prod_{a14}
acct_{a16}
org-{a24} is over its limit
session_{uuid}.jsonl
pod/web-{l10}-{l5} CrashLoopBackOff
k8s_app_web-{h10}-{l5}_default_{uuid}_0
job.batch/migrate-{d8} created
replicaset.apps/web-{h10}
container {h64} exited
container {h12} exited
docker volume {h64}
network app_default_{h12}
projects/acme-prod-{d6}/secrets/db-password/versions/3
secret "db-password" not found
secrets "tls-cert" is forbidden
Error: secret db-credentials already exists
token expired
invalid token
Unexpected token '<', "<!DOCTYPE "... is not valid JSON
SyntaxError: Unexpected token } in JSON at position 12
tokens: 1234
max_tokens: 4096
total_tokens=18231
input_tokens: 1024, output_tokens: 2048
tokenizer_class: LlamaTokenizerFast
pad_token_id: 128009
<|begin_of_text|> token id 128000
key: value
key not found: user_123
KeyError: 'token'
Duplicate key 'app-2024' in mapping
primary key "users_pkey" violated
Key (email)=(bob@x.example) already exists.
foreign key constraint "orders_user_id_fkey"
public_key: {h64}
ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQ{b100} bob@h
SHA256:{b43} bob@h (ED25519)
RSA key fingerprint is SHA256:{b43}.
gpg: key {H16}: public key imported
gpg: Signature made using RSA key {H40}
NO_PUBKEY {H16}
Fingerprint: {H40}
-----BEGIN CERTIFICATE-----\n{b64}\n{b64}\n-----END CERTIFICATE-----
-----BEGIN PUBLIC KEY-----\n{b64}\n-----END PUBLIC KEY-----
certificate-authority-data: LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCk{a200}
data:image/png;base64,iVBORw0KGgo{b100}
data:font/woff2;base64,d09GMgABAAAAA{b100}
url(data:image/svg+xml;base64,{b64:<svg xmlns="http://www.w3.org/2000/svg"></svg>})
sourceMappingURL=data:application/json;base64,{b64:{"version":3,"sources":["a.ts"]}}
{b64:hello world this is a plain sentence}
password:
password: ""
password = None
password: null
password=$DB_PASSWORD
password: ${DB_PASSWORD:?missing}
password: {{ vault_db_password }}
password: !vault |
token: ${{ secrets.GITHUB_TOKEN }}
token: process.env.TOKEN
token = os.environ["TOKEN"]
apiKey: import.meta.env.VITE_KEY
const token = await getToken();
const key = Object.keys(x)[0];
def test_password_is_hashed(self):
if password != confirm_password:
assert response.json()["token"]
password: str = Field(min_length=8)
function setPassword(user, newPassword) {
public async refreshToken(token: string): Promise<void> {
import { TokenService } from './token.service';
from secrets import token_urlsafe
AttributeError: 'NoneType' object has no attribute 'token'
TypeError: login() missing 1 required positional argument: 'password'
error: option '--token <value>' argument missing
usage: tool [-h] [-u USER] [-p PASSWORD] [--token TOKEN]
  -p, --password PASSWORD  the password to use
  --api-key string         API key (default "")
docker run -p 8080:80 -u 1000 nginx
docker run -p 127.0.0.1:5432:5432 postgres:16
ssh -p 2222 bob@h
psql -U bob -p 5432 -h h
mkdir -p build/release2
sudo -u postgres mkdir -p /var/lib/pg16
cargo test -p serde_json2
cargo build -p my-crate-v2 --release
pytest -p no:cacheprovider -q
docker compose -p myproject2 up
python -u script.py -p 8080
nmap -p 22,80 h
cp -p a1 B2
rsync -avz -P a b
npm run build -w packages/app2
tar -xzf a.tgz -C x
kubectl logs -p web-{h10}-{l5}
grep -w token2 file
terraform plan -p 4
perl -pi -e s/Foo1/Bar2/ x
git log -p HEAD~3
curl -u bob https://h/
curl -w '%{http_code}' https://h
https://github.com/acme/app/blob/{h40}/src/token.py#L12
https://h.example/a/b?page=2&sort=key
https://youtu.be/{a11}
https://h.example/docs/api-key-authentication-v2
https://s3.amazonaws.com/b/k?versionId={a32}
https://registry.example/@acme%2ftoken-utils
GET /api/v1/users/{uuid}/tokens 404
git@github.com:acme/secret-project.git
redis://localhost:6379/0
postgresql://localhost/app
http://localhost:3000/auth/callback
mongodb://mongo:27017/app
v1.2.3-rc.4+build.{h7}
app-v2.0.1-{d8}-g{h7}
torch-2.3.1+cu121-cp311-cp311-linux_x86_64.whl
1.21.0-20240101000000-{h12}
golang.org/x/oauth2 v0.0.0-20240101120000-{h12}
module-sync:token@1.2.3
System.Security.Cryptography.CryptographicException: Keyset does not exist
org.springframework.security.authentication.BadCredentialsException: Bad credentials
at com.acme.auth.TokenService$$EnhancerBySpringCGLIB$${h8}.check(TokenService.java:42)
com.acme.security.PasswordEncoderFactoryBean2Test
_ZN4core3ptr52drop_in_place$LT$alloc..string..String$GT$17h{h16}E
0x{h12} in malloc_token2
ip 0000{h12} sp 0000{h12}
E0718 12:00:01.123456 1 reflector.go:147] failed
[2026-11-27T12:00:00Z] token bucket refilled: 100
MAC 52:54:00:ab:cd:ef
session opened for user root(uid=0)
pam_unix(sshd:session): session closed
auth: Host (smtp.example) called itself
authentication failure; logname= uid=0 euid=0 tty=ssh
login: bob
Enter password:
[sudo] password for bob:
Password must be at least 12 characters
password authentication failed for user "app"
Access denied for user 'root'@'localhost' (using password: YES)
Using a password on the command line interface can be insecure.
WARNING: no auth token found, using anonymous access
Author: Bob Example <bob@x.example>
keyboard-interactive,password
KEY_LENGTH=2048
TOKEN_TTL=3600
PASSWORD_MIN_LENGTH=12
SECRET_NAME=prod/db
AWS_SECRET_NAME=prod/db/main
API_KEY_HEADER=X-Api-Key
TOKEN_URL=https://login.example/oauth2/token
KEY_FILE=/run/keys/app.pem
PASSWORD_FILE=/run/secrets/pw
secretName: app-tls
secretKeyRef:\n  name: db\n  key: password
imagePullSecrets:\n- name: regcred
serviceAccountName: token-reviewer
key: node-role.kubernetes.io/control-plane
checksum/secret: {h64}
pod-template-hash: {h10}
resourceVersion: "{d8}"
kind: Secret\nmetadata:\n  name: app\n  uid: {uuid}
""".strip().splitlines()

# Written when the rules were done, and looked at once: nothing was fitted to these before.
LATER_KINDS = r"""
zilliz says db_admin is wrong for token auth, token=«{a40}»
Error: Lakera key «lk_live_{a32}» revoked
cartesia: «sk_car_{w22}» invalid
letta: «sk-let-{b44}» bad
anyscale «esecret_{l26}» has no quota
convex: deploy key prod:happy-animal-123|«{b60}» refused
forbidden: «sk-helicone-{l7}-{l7}-{l7}-{l7}»
portkey «pk-live-{a28}» forbidden
jina «jina_{h32}{a28}» 402
lovable: «lov_{a40}» expired
trigger.dev «tr_prod_{a20}» not found
polar: «polar_oat_{a43}» invalid_token
workos: «sk_test_{a46}» 401
knock «sk_knock_{w40}» not allowed
svix: «testsk_{w32}.eu» bad
tinybird «p.eyJ{a60}.{w43}» no scope
unkey: «unkey_{a24}» disabled
novu «nv-{h32}» inactive
browserbase «bb_live_{w27}» quota
steel «ste-{a60}» quota
OPS_PW="«{word}»" ansible-playbook
SVC_PASSWD=«{a12}»
export JENKINS_PAT=«{h34}»
kafka.sasl.jaas.config=org.apache.kafka.PlainLoginModule required username="bob" password="«{word}»";
SASL_PWD: "«{word}»"
"ClientSecretValue": "«{a34}»"
oauth2_proxy --cookie-secret=«{w43}=»
[remote]\nsecret_access_key = «{b40}»
spring.security.oauth2.client.registration.x.client-secret: «{a34}»
storePassword=«{word}»
keyPassword «{word}»
signing.password=«{word}»
PGP_PASSPHRASE: «{word}»
db.default.password="«{word}»"
var.db_pw = "«{word}»"
toolctl --pw «{word}» run
toolctl --db-pass=«{word}» run
toolctl --auth bob:«{word}» run
kcadm.sh config credentials --server http://h --realm master --user admin --password «{word}»
mongosh --username bob --password «{word}» --host h
psql "host=h user=bob password=«{word}» dbname=x"
sshpass -p«{word}» ssh bob@h
smbclient //h/share -U bob%«{word}»
mount -t cifs //h/s /mnt -o username=bob,password=«{word}»
curl -k -u bob:«{word}» https://h
curl -H "X-Gitlab-Token: «{a20}»" https://h
curl -H "Authorization: Splunk «{uuid}»" https://h:8088
wget --http-password=«{word}» https://h
skopeo copy --dest-creds bob:«{word}» a b
helm repo add x https://h --username bob --password «{word}»
docker secret create x <(echo «{a24}»)
systemd-creds: password=«{word}»
cert pem: -----BEGIN ENCRYPTED PRIVATE KEY----- «{b64} {b40}»
ssh key «b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQ{b200}»
{b64:x}: «{b64:AWS_SECRET_ACCESS_KEY=hx72jsk28dkw02jd81ksl2owpdk2jf8a}»
userdata: «{b64:#!/bin/bash export DB_PASSWORD=hx72jsk28dkw}»
[Peer]\nPublicKey = {b42}8=\nPresharedKey = «{b42}8=»
  client_secret: !str «{a34}»
--registry-token «{a36}»
https://api.example/v1?appid=1&apiKey=«{a32}»
""".strip().splitlines()

LATER_LOOK_ALIKES = r"""
--- FAIL: TestRotateKeysV2/with_expired_token (0.12s)
--- SKIP: TestPassThrough16Bit (0.00s)
PASS  src/password-reset.spec.ts > resets 2 tokens
ok 12 - token is refreshed
PASS: gcc.dg/vect/pr65947-12.c execution test
Bazel: //security/token:token_test PASSED in 0.4s
pytest tests/test_secrets.py::test_redact[base64-key1]
gotestsum: TestSessionKeyRotation2024 passed
cargo:rustc-link-lib=static=sodium_key2
cypress/e2e/login_token_v2.cy.ts
pnpm-lock.yaml: resolution: {integrity: sha512-{b86}==}
poetry.lock: {file = "x-1.0-py3-none-any.whl", hash = "sha256:{h64}"}
go.sum: github.com/acme/token v1.2.3/go.mod h1:{b43}=
Cargo.lock checksum = "{h64}"
flake.lock: "narHash": "sha256-{b43}="
uv.lock: sdist = { url = "https://f.example/x-1.tar.gz", hash = "sha256:{h64}" }
layer sha256:{h64}: Pull complete
{h12}: Pushed
Successfully built {h12}
tag: app:{h40}
refs/heads/token-refresh-{d6}
From {h40} Mon Sep 17 00:00:00 2001
git show {h40}:src/secrets.py
stash@{0}: WIP on main: {h7} Add token rotation
CONTAINER ID {h12} nginx
pod web-{h10}-{l5} uses secret "web-tls"
pvc-{uuid} is bound
node ip-10-0-0-{d2}.eu-west-1.compute.internal
uid: {uuid}
x-amz-request-id: {u16}
x-amzn-trace-id: Root=1-{h8}-{h24}
cf-ray: {h16}-FRA
X-Correlation-Id: {h32}
span.id={h16} trace.id={h32}
chatcmpl-{a29} finished
toolu_01{a22} returned
msg_01{a22} stopped
rs_{h48} was reasoned
dpl_{a28} is ready
prj_{a28} linked
team_{a24} selected
build-{uuid}
s3://bucket/key/part-00000-{uuid}-c000.snappy.parquet
/var/folders/zz/{l30}/T/tmp{l8}
/root/.cache/uv/archive-v0/{w21}/lib
C:\Users\bob\AppData\Local\Temp\tmp{h8}
webpack://app/./src/token.service.ts?{h4}
main.{h8}.chunk.js:2:14532
at TokenGuard.canActivate (/app/dist/token.guard.js:21:13)
Warning: 'crypt' is deprecated; key derivation uses 'pbkdf2'
ValueError: Fernet key must be 32 url-safe base64-encoded bytes.
Error: Cannot find module '@acme/secret-store2'
error[E0425]: cannot find value `token2` in this scope
npm ERR! need auth This command requires you to be logged in
password_hash: missing
"tokenUri": "https://oauth2.example/token"
key_id: {h16}
kid: {h40}
PasswordAuthentication yes
PermitRootLogin prohibit-password
""".strip().splitlines()
