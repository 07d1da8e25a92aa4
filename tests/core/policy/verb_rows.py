"""Commands of programs that no list names: what destroys, and what only looks so. A row a line, nothing is run."""

DESTROYS = r"""
acmectl cluster delete prod-eu
acmectl clusters destroy prod-eu --wait
pscale database delete shop
turso db destroy main --yes
neonctl projects delete cool-sun-123
supabase projects delete abcdef
railway down --yes
render services delete srv-1
koyeb app delete web
northflank delete service web
scalingo --app web destroy
clever delete --yes
dokku apps:destroy web --force
caprover app remove web
kamal remove -y
nomad job stop -purge web
nomad system gc --force
consul-tool kv purge app/
etcdtool del --prefix /registry
vaultctl secrets revoke -prefix aws/
boundary targets delete -id ttcp_1
rabbitmqadmin purge queue name=orders
rabbitmqadmin delete queue name=orders
kafka-topics.sh --delete --topic orders
kafka-delete-records.sh --offset-json-file o.json
kcat-admin topics wipe orders
pulsar-admin topics delete persistent://a/b/c
nats stream purge ORDERS -f
nats stream rm ORDERS -f
temporal workflow terminate -w order-1
temporal operator namespace delete prod
airflow db reset -y
airflow dags delete sales
prefect deployment delete a/b
dagster instance wipe
dbt-tool drop-schema analytics
mlflow experiments delete -x 3
wandb artifact purge team/x
dvc gc --workspace --force
lakectl branch delete lakefs://repo/main
lakectl branch revert lakefs://repo/main abc --yes-i-really-mean-it
ceph osd purge 3 --yes-i-really-mean-it
ceph osd pool delete data data --yes-i-really-really-mean-it
gluster volume delete gv0
drbdadm wipe-md r0
pvesh delete /nodes/pve/qemu/100
qm destroy 100 --purge
pct destroy 101
vboxmanage unregistervm dev --delete
vagrant destroy -f
multipass purge
limactl factory-reset default
lima-cli delete default
minikube delete --all
kind delete cluster
k3d cluster delete dev
colima delete -f
rdctl factory-reset
talosctl reset --graceful=false
kubeadm reset -f
rke remove --force
velero backup delete nightly --confirm
velero-tool schedule purge
restic forget --keep-last 1 --prune
restic prune
borg delete /repo::old
borg compact --prune-all
duplicacy prune -exhaustive
kopia snapshot delete abc --delete
rsnap wipe weekly
pgbackrest stanza-delete --stanza=main --force
barman delete main oldest
wal-g delete everything FORCE
patronictl remove main
repmgr standby unregister --node-id=2
pg_dropcluster 15 main --stop
pg-tool truncate orders
mysqlsh-tool drop-table orders
mongotool dropDatabase
cockroach node decommission 4
cockroach sql -e 'DROP DATABASE shop CASCADE'
clickhouse-tool query 'TRUNCATE TABLE events'
duckdb app.db 'DROP TABLE users'
trino --execute 'DELETE FROM orders'
bq rm -r -f dataset
bq query 'DELETE FROM ds.t WHERE true'
snowsql -q 'drop warehouse big'
sqlcmd -Q 'TRUNCATE TABLE dbo.Orders'
usql pg://h/db -c 'drop schema public cascade'
cypher-shell 'MATCH (n) DETACH DELETE n'
arangosh --javascript.execute-string 'db._drop("users")'
couch-cli delete-bucket default
couchbase-cli bucket-flush --bucket default --force
redis-tool FLUSHALL
memtool flush_all
elasticdump-admin indices delete logs-*
curator_cli delete_indices --filter_list x
es-admin index close-and-delete logs
algolia indices clear products
meilitool index delete movies
typesense-cli collections drop products
qdrant-cli collection delete docs
httpie-wrapper DELETE https://api.example/users/5
xh DELETE https://api.example/users/5
hurlwrap --method DELETE https://api.example/v1/x
apicli -X DELETE /users/5
restish delete-user 5
grpcurl -d '{"id":5}' api.example:443 shop.Users/DeleteUser
evans cli call DeleteAccount
graphqurl https://h/graphql -q 'mutation { deleteUser(id: 5) { id } }'
stripe customers delete cus_1
stripe delete /v1/customers/cus_1
twilio phone-numbers:remove +1555
sentry-cli releases delete 1.2.3
sentry-cli sourcemaps purge 1.2.3
launchdarkly flags delete new-ui
ldcli flags archive-and-delete x
auth0 users delete 5
okta-cli users deactivate-and-delete 5
firebase firestore:delete --all-collections
firebase hosting:disable
firebase database:remove /
appcenter apps delete -a org/app
fastlane match nuke distribution
fastlane nuke development
eas build:delete abc
expo-tool unpublish
npm-admin unpublish left-pad
gem yank mygem -v 1.0
twine-admin yank pkg 1.0
cargo yank --version 1.0.0
pub-tool retract pkg
jfrog rt del repo/path/
jf rt delete repo/path/ --quiet
nexus-cli image delete -name x
harbor-cli repository delete x
regctl tag delete reg/x:1
crane delete reg/x:1
skopeo delete docker://reg/x:1
reg rm reg/x:1
ghcr-cli package delete x
glab repo delete group/x
glab mr delete 5
tea repos delete x
hub delete org/x
bb repo destroy x
jira issue delete ABC-1
linear-cli issue trash ABC-1
asana-cli task delete 1
notion-cli page erase x
slack-cli channel wipe x
zulip-admin delete_realm x
discourse-tool destroy_user x
wp db reset --yes
wp post delete 1 --force
wp site empty --yes
drush sql-drop -y
drupal database:drop
php artisan migrate:fresh --force
php artisan db:wipe
php bin/console doctrine:database:drop --force
php bin/console doctrine:schema:drop --full-database
rake db:drop
bin/rails db:drop db:create
rails db:migrate:reset
bundle exec rake db:purge
python manage.py flush --no-input
python manage.py reset_db
python manage.py delete_stale_users
alembic downgrade base
flyway clean
liquibase drop-all
liquibase rollback-count 3
prisma migrate reset --force
npx-free prisma db drop
sequelize db:drop
sequelize db:migrate:undo:all
knex migrate:rollback --all
typeorm schema:drop
mix ecto.drop
mix ecto.reset
goose reset
dbmate drop
sqlx database drop -y
diesel database reset
hasura migrate delete --all
make destroy
make db-drop
just wipe-data
task purge
invoke nuke
npm run db:drop
yarn destroy:prod
gradle flywayClean
./gradlew dropDb
mvn flyway:clean
mvn sql:drop-all
sls remove --stage prod
serverless remove
sam delete --no-prompts
cdk destroy --force
copilot app delete --yes
eb terminate prod --force
chalice delete
zappa undeploy prod
up stack delete --force
pulumi-tool stack destroy
cdktf destroy --auto-approve
crossplane-cli xp delete
terraformer-tool purge
packer-tool image delete x
ansible all -m file -a 'path=/data state=absent'
ansible all -m community.mysql.mysql_db -a 'name=x state=absent'
salt-key -D -y
salt '*' file.remove /data
puppet resource package x ensure=purged
chef-tool node delete x -y
knife node delete web1 -y
knife bulk delete nodes .
mco puppet wipe
juju destroy-model prod
juju remove-application db --force
lxd-tool instance delete x
incus delete x --force
snap remove --purge x
flatpak uninstall --delete-data x
guix gc --delete-generations
nix-env --delete-generations old
nix-collect-garbage -d
nix store delete /nix/store/x
ostree admin undeploy 1
rpm-ostree rollback
timeshift --delete-all
snapper delete 5
snapper rollback 3
zfs-tool destroy tank/data
btrfs subvolume delete /data
lvm-tool lvremove vg/data
stratis pool destroy p
vdo remove --name v
mdctl wipe md0
ipmitool chassis power off
racadm racreset hard
fwupdtool wipe
nvme-tool format /dev/nvme0
flashtool erase
esptool.py erase_flash
openocd-tool mass_erase
adb shell pm clear com.x
adb uninstall com.x
fastboot erase userdata
fastboot flashing unlock
ipfs repo gc
ipfs pin rm --all
geth removedb
bitcoin-cli-tool abandontransaction x
solana program close --all
near delete-account x
certtool revoke x
step ca revoke x
easyrsa revoke client
cfssl-tool revoke
mkcert-tool purge
teleport-tool users rm bob
tsh-admin revoke-tokens
tctl rm users/bob
headscale nodes delete -i 5 --force
tailscale logout
wgctl peer purge
netbird-tool peer evict
git-remote-tool branch force-delete main
git push origin --delete main
git push --mirror
git reset --hard HEAD~5
git clean -xfd
git filter-repo --path x --invert-paths
git update-ref -d refs/heads/main
git reflog expire --expire=now --all
git stash drop
git worktree remove --force ../x
git tag -d v1
git lfs prune
jj abandon xyz
hg strip tip
svn delete https://svn/x -m x
p4 obliterate //depot/x
fossil purge x
sapling-tool wipe
./destroy_all.sh
bash scripts/wipe-db.sh
python scripts/drop_tables.py
node tools/purgeCache.js
purge-old-kernels
""".strip().splitlines()

HARMLESS = r"""
acmectl cluster list
acmectl cluster describe prod-eu
acmectl cluster get delete
pscale database show shop
turso db list
neonctl projects list
supabase status
supabase start
railway status
koyeb app get web
kamal version
nomad job status web
nomad node status
etcdtool get /registry
rabbitmqadmin list queues
kafka-topics.sh --list
pulsar-admin topics list a/b
nats stream ls
nats stream info ORDERS
temporal workflow list
temporal workflow describe -w order-1
airflow dags list
airflow db migrate
prefect deployment ls
dagster instance info
mlflow experiments search
dvc pull
dvc status
lakectl branch list lakefs://repo
ceph status
ceph osd tree
gluster volume info
qm list
pct status 101
vagrant status
vagrant up
multipass list
minikube status
minikube start
kind get clusters
k3d cluster list
k3d cluster create dev
colima start
talosctl health
velero backup get
restic snapshots
restic check
borg list /repo
borg info /repo
kopia snapshot list
pgbackrest info
barman list-servers
patronictl list
cockroach node status
cockroach sql -e 'SELECT 1'
duckdb app.db 'SELECT count(*) FROM users'
trino --execute 'SHOW TABLES'
bq ls
bq query 'SELECT 1'
snowsql -q 'select current_version()'
usql pg://h/db -c 'select 1'
cypher-shell 'MATCH (n) RETURN count(n)'
couchbase-cli bucket-list
curator_cli show_indices
algolia indices list
qdrant-cli collection list
restish get-user 5
grpcurl api.example:443 list
stripe customers list
sentry-cli releases list
ldcli flags list
auth0 users show 5
firebase projects:list
firebase emulators:start
appcenter apps list
fastlane lanes
eas build:list
cargo test delete_user
cargo build --release
cargo fmt --check
cargo clippy
go test ./... -run TestDelete
go test -run TestDropTable ./db
go build ./cmd/purger
go vet ./...
pytest -k delete
pytest tests/test_delete.py
pytest tests/test_users.py::test_delete_user
python -m pytest tests/test_purge.py -q
python -m unittest tests.test_drop
jest delete.test.ts
npx-free vitest run src/delete.spec.ts
npm test -- --testNamePattern delete
npm run build
npm run lint
npm run test:delete-user
yarn install --frozen-lockfile
yarn workspaces list
pnpm install
pnpm why left-pad
mvn test -Dtest=DeleteUserTest
mvn -q compile
gradle test --tests '*DeleteTest'
./gradlew build
rspec spec/delete_spec.rb
rake -T
bin/rails db:migrate
bin/rails routes
bundle install
bundle exec rspec spec/models/drop_spec.rb
php artisan migrate
php artisan route:list
composer install
composer validate
python manage.py migrate
python manage.py check
python manage.py showmigrations
alembic upgrade head
alembic history
flyway info
liquibase status
prisma generate
prisma migrate status
knex migrate:latest
mix ecto.migrate
mix test test/delete_test.exs
dbmate up
make
make build
make clean
make test
just --list
task build
invoke --list
ruff check src/delete.py
ruff format src
mypy src/drop.py
black --check .
eslint src/purge.js --fix
tsc --noEmit
prettier --write src/delete.ts
clang-format -i a.c
shellcheck wipe.sh
hadolint Dockerfile
yamllint x.yaml
tflint
ansible-lint site.yml
ansible all -m ping
ansible-inventory --list
salt '*' test.ping
puppet resource package x
knife node list
juju status
incus list
snap list
snap refresh
flatpak list
nix flake show
nix build
nix develop
ostree admin status
snapper list
ipmitool chassis status
adb devices
adb logcat -d
fastboot devices
ipfs id
geth version
easyrsa show-ca
tsh status
tctl nodes ls
headscale nodes list
tailscale status
git status
git log --oneline
git log --grep delete
git diff --stat
git branch -a
git checkout feature/delete-user
git checkout -b drop-legacy
git switch delete-old-api
git rm --cached .env.example
git restore --staged delete.py
git commit -m 'delete the old parser'
git stash list
git tag -l
git show HEAD
git grep -n drop
git blame src/purge.py
git fetch --prune
jj log
hg status
svn info
grep -rn delete src
rg 'DROP TABLE' migrations
cat delete.sql
ls purge
head -5 drop_tables.py
wc -l wipe.sh
find . -name 'delete*'
sed -n 1,5p destroy.tf
mkdir -p src/delete
touch tests/test_purge.py
cp delete.example.yaml delete.yaml
echo delete
echo 'DROP TABLE users'
printf 'purge\n'
man prune
which purge
tldr git-reset
docker ps
docker compose ps
docker compose up -d
docker images
docker rm stopped-web
kubectl get pods
kubectl describe pod purger-1
kubectl logs purge-job-1
helm list
terraform plan
terraform validate
terraform fmt
pip install drop
pip show purge
pip install delete-marked --upgrade
npm install del
npm install rimraf
npm ls prune
apt-cache show wipe
brew info trash
poetry add revoke
uv pip install forget
gem list
protoc --python_out=. delete.proto
buf lint
openssl version
node scripts/build.js
python tests/test_delete.py
python -m json.tool delete.json
bash scripts/test-delete.sh
ffmpeg -version
convert a.png -trim b.png
trim-galore --version
jq '.deleted' x.json
yq '.spec.prune' x.yaml
xsltproc delete.xsl x.xml
""".strip().splitlines()

# Written when the rules were done, and looked at once: nothing was fitted to these before.
LATER_DESTROYS = r"""
zarfctl package remove core --confirm
oxide instance delete web
civo kubernetes remove prod
vultr-cli instance delete abc
upcloud server delete x
scw instance server terminate x
exo compute instance delete x
ovhai job kill x
fly machine destroy 123 --force
flyctl-ng volumes destroy vol_1
heroku-tool pg:reset DATABASE
aptible db:deprovision x
platform environment:delete dev
lagoon delete environment x
pantheon env:wipe site.dev
terminus env:wipe site.dev --yes
acquia-cli db-backup:delete
ddev delete -O shop
lando destroy -y
mutagen sync terminate --all
telepresence uninstall --everything
okteto destroy
skaffold delete
tilt down
garden cleanup namespace
devspace purge
werf dismiss --with-namespace
kapp delete -a app -y
kops delete cluster x --yes
eksadm cluster wipe
rancher clusters delete c-1
portainer-cli stack prune
swarmctl service-remove web
faasctl function undeploy x
openfaas-cli rm x
knctl service delete x
istioctl-tool purge -y
linkerd uninstall-all
cilium-tool uninstall
calicoctl delete pool x
etcd-admin snapshot prune
zkcli deleteall /brokers
hdfs-tool fs -rmr /data
hbase-tool drop_all orders.*
spark-admin drop-catalog x
minio-admin bucket remove --force data
swiftcli delete container
rados rmpool data data
s3tool DeleteBucket data
b2 delete-bucket data
ossutil rm-all data
dropbox-cli erase /x
gam delete user bob
mailctl queue flush-all
exim-tool remove-frozen
pdnsutil delete-zone x
dnscontrol-x zones destroy
cfcli purge-everything
akamai-tool property deactivate
fastlyctl service delete
newman-x collection delete
ghorg reclone-purge
sqlplus-x 'DROP USER bob CASCADE'
isql-x 'truncate table t'
mongotool --eval 'db.orders.deleteMany({})'
neo-admin database drop neo4j
python manage.py drop_unused_tables
ruby script/destroy_accounts.rb
php tools/truncate.php
make nuke-env
npm run wipe
just drop-tables
apictl request --method=DELETE /v1/x
gqlcli 'mutation { removeProject(id: 1) { ok } }'
""".strip().splitlines()

LATER_HARMLESS = r"""
zarfctl package list
oxide instance list
civo kubernetes show prod
scw instance server list
fly machine list
fly logs
heroku ps
platform environments
terminus env:info site.dev
ddev start
ddev describe
lando info
mutagen sync list
telepresence status
okteto up
skaffold build
tilt ci
kapp list
kops validate cluster
istioctl version
linkerd check
cilium status
calicoctl get pool
zkcli ls /brokers
rados lspools
b2 list-buckets
pdnsutil list-zone x
cargo test drop_handler
cargo check --tests
go test -run TestPurge ./...
npm test delete
npm run test -- drop
yarn test src/wipe.test.ts
pnpm run lint
pytest -k 'drop or purge'
python -m pytest -k truncate
python manage.py test app.tests.test_delete
python manage.py makemigrations
python manage.py collectstatic --noinput
rails test test/models/delete_test.rb
mix test --only drop
gradle test --tests DropTest
mvn -q test -Dtest=PurgeIT
dotnet test --filter Delete
dotnet build
swift build
flutter pub get
flutter analyze
dart format lib
sbt compile
lein test
stack build
cabal build
zig build
bazel build //app:purger
bazel test //app:delete_test
buck2 build //x
meson setup build
ninja -C build
cmake --build build
ctest --output-on-failure
npx-free tsc --noEmit
vite build
webpack --mode production
rollup -c
esbuild src/delete.ts
sass src/drop.scss out.css
pip install --force-reinstall requests
pip install truncate
npm install wipe-dir
apt-get install shred
brew install trash-cli
helm lint chart
kustomize build overlays/prod
jsonnet drop.jsonnet
""".strip().splitlines()
