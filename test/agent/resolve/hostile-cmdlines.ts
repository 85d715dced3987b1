/**
 * Command lines in which the word hunter is a secret, by the programs that take it so, one per line; ` | ` parts their
 * arguments. What a person would never type on purpose is among them.
 */
export const hostileCmdlines: readonly string[] = String.raw`
mysql | -phunter2
mysql | --password | hunter
mysql | --pass=hunter
mariadb-dump | -uroot | -phunter
psql | postgresql://app:hunter@db/shop
psql | host=db user=app password=hunter dbname=x
psql | -c | ALTER USER a PASSWORD 'hunter'
psql | -c | CREATE ROLE x LOGIN PASSWORD hunter
curl | -uadmin:hunter | h
curl | --user | admin:hunter
curl | -H | X-Token: hunter
curl | -d | password=hunter&user=bob | h
curl | --data | {"password": "hunter"}
curl | --data-urlencode | pw=hunter
curl | -x | http://u:hunter@proxy:80
curl | --proxy-user | u:hunter
curl | -F | secret=hunter
curl | --oauth2-bearer | hunter
curl | -b | sid=hunter
curl | http://h/?token=hunter
curl | h/path?token=hunter
curl | h:80/path?token=hunter
curl | //u:hunter@h/
wget | --http-password=hunter
wget | --header=Authorization: Bearer hunter
env | DB_PW=hunter | x
env | DBPASS=hunter
env | PWD=hunter
env | AWS_SECRET_ACCESS_KEY=hunter
env | STRIPE=sk_live_hunter
env | GITHUB_PAT=hunter
env | MYSQL_ROOT=hunter
x | -p | hunter
x | -P | hunter
sshpass | -phunter | ssh
sshpass | -p | hunter
openssl | -passin | pass:hunter
openssl | enc | -k | hunter
openssl | -K | hunter
openssl | rsa | -passin | pass:hunter | -pass | pass:hunter
redis-cli | -a | hunter
redis-server | --requirepass | hunter
redis-server | --masterauth | hunter
mongod | mongodb+srv://u:hunter@h/x
mongo | -phunter
mongosh | --password | hunter
java | -Dpassword=hunter
java | -Djavax.net.ssl.keyStorePassword=hunter
java | -Ddb.pw=hunter
java | -Dfoo=--password=hunter
ldapsearch | -w | hunter
ldapsearch | -whunter
smbclient | -U | u%hunter
smbclient | //h/s | -Uu%hunter
mount.cifs | -o | username=u,password=hunter
mount | -o | user=u,pass=hunter,ro
docker | login | -u | u | -phunter
docker | run | -e | TOKEN=hunter
docker | run | -eTOKEN=hunter
docker | run | --env | TOKEN=hunter
kubectl | --token | hunter
kubectl | --token=hunter
kubectl | create | secret | generic | x | --from-literal=foo=hunter
helm | --set | db.password=hunter
helm | --set | a.b=c,db.pw=hunter
helm | --set-string | auth=hunter
vault | login | hunter
vault | kv | put | secret/x | pw=hunter
vault | write | auth/x | role_id=hunter
consul | -http-token=hunter
aws | configure | set | aws_secret_access_key | hunter
git | -c | http.extraheader=AUTHORIZATION: basic hunter | clone
git | clone | https://u:hunter@h/
git | clone | https://hunter@h/
git | remote | u:hunter@h:x
python | app.py | --api-key | hunter
python | app.py | --apikey | hunter
python | app.py | --api_key=hunter
x | --pw | hunter
x | --pwd=hunter
x | --passphrase | hunter
x | --pass-phrase | hunter
x | --access | hunter
x | --sas | hunter
x | --license | hunter
x | --licence-key | hunter
x | --cert-pw | hunter
x | --credentials | hunter
x | --jwt | hunter
x | --nonce | hunter
x | --seed | hunter horse battery
x | --mnemonic | hunter horse
x | --community | hunter
snmpwalk | -c | hunter | h
snmpwalk | -A | hunter | -X | hunter
ipmitool | -P | hunter
ipmitool | -Phunter
xfreerdp | /p:hunter | /v:h
rclone | --ftp-pass=hunter
lftp | -u | u,hunter | h
lftp | -e | open -u u,hunter h
ftp | ftp://u:hunter@h
zip | -P | hunter
unzip | -Phunter
7z | -phunter
gpg | --passphrase | hunter
htpasswd | -b | f | u | hunter
useradd | -p | hunter
chpasswd | u:hunter
echo | u:hunter
expect | -c | send hunter
x | --token | -hunter
x | --password= | hunter
x | --password |  | hunter
x | password | = | hunter
x | password= | hunter
x | password: | hunter
x | -password | hunter
x | -password:hunter
x | /password:hunter
x | --password:hunter
x | --config | {"db":{"password":"hunter"}}
x | {pass:hunter}
x | password='hunter horse'
x | a b password hunter
x | SECRET hunter
x | token hunter
x | --header=X-Api-Key: hunter
x | hunter2horse
pwsh | -Command | $pw = "hunter"
sh | -c | export TOKEN=hunter; run
sh | -c | TOKEN=hunter run
sh | -c | curl -u a:hunter h
sh | -c | mysql -phunter x
sh | -c | echo hunter | sudo -S ls
sh | -c | mysql -p hunter
bash | -c | PGPASSWORD=hunter psql -h db
bash | -c | PGPASSWORD='hunter' psql
sshd: hunter [priv]
mysql -phunter x
/usr/bin/mysql -u root -phunter
sudo | mysql | -phunter
/usr/bin/env | mysql | -phunter
timeout | 5 | mysql | -phunter
nice | curl | -u | a:hunter
x | s3://KEY:hunter@bucket
x | amqp://u:hunter@h:5672/v
x | redis://:hunter@h:6379
x | jdbc:mysql://h/db?user=a&password=hunter
x | jdbc:oracle:thin:u/hunter@h:1521:x
sqlplus | u/hunter@h
x | Server=h;User=u;Password=hunter;
x | --conn=Server=h;Password=hunter
x | DefaultEndpointsProtocol=https;AccountKey=hunter
x | sqlserver://h;password=hunter
x | unix:/path?pw=hunter
x | mailto:u:hunter@h
x | https://h/#access_token=hunter
x | https://h/path;jsessionid=hunter
x | data:text/plain,hunter
`
  .trim()
  .split('\n');
