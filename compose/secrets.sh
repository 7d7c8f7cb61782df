#!/usr/bin/env bash
# Makes every secret of the compose stack, once: an authority, certificates, passwords, the node's key.
#
#   sudo compose/secrets.sh [FOLDER]      (default: secrets/ beside this file)
#
# What is there stays as it is, so it may be run again; to make all anew, remove the folder and the volumes.
# Each file belongs to the user of the container that reads it, and to nobody else: hence root.
set -euo pipefail
umask 077

here=$(cd "$(dirname "$0")" && pwd)
folder=${1:-$here/secrets}

server=1000      # the user of Kafka's, Elasticsearch's and Kibana's images
lictor=10001     # user and group of our images (compose/images/Dockerfile)
enforcer=10002
days=3650

if [ "$(id -u)" -ne 0 ]; then
  echo "secrets: run this as root: the files belong to the users of the containers" >&2
  exit 2
fi
command -v openssl >/dev/null || { echo "secrets: install openssl" >&2; exit 3; }
mkdir -p "$folder"
cd "$folder"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# keep FILE OWNER GROUP MODE: what standard input says, unless the file is there already.
keep() {
  if [ ! -e "$1" ]; then
    cat >"$work/kept"
    [ -s "$work/kept" ] || { echo "secrets: $1 could not be made" >&2; exit 3; }
    chown "$2:$3" "$work/kept"
    chmod "$4" "$work/kept"
    mv "$work/kept" "$1"
    echo "secrets: made $1"
  else
    cat >/dev/null
  fi
}

# 256 bits, in characters that mean nothing to any of the formats below. No newline.
random() { openssl rand -hex 32 | tr -d '\n'; }

authority() {
  [ -e ca.crt ] && return
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -days "$days" \
    -subj "/CN=Lictor compose authority" -keyout "$work/ca.key" -out "$work/ca.crt" 2>/dev/null
  keep ca.key 0 0 0400 <"$work/ca.key"
  keep ca.crt 0 0 0444 <"$work/ca.crt"
}

# certificate NAME: NAME.crt and NAME.key for the service of that name, and for loopback.
certificate() {
  [ -e "$1.crt" ] && return
  openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -subj "/CN=$1" \
    -keyout "$work/$1.key" -out "$work/$1.request" 2>/dev/null
  openssl x509 -req -in "$work/$1.request" -CA ca.crt -CAkey ca.key -CAcreateserial \
    -CAserial "$work/serial" -days "$days" -out "$work/$1.crt" 2>/dev/null \
    -extfile <(printf 'subjectAltName=DNS:%s,DNS:localhost,IP:127.0.0.1\nextendedKeyUsage=serverAuth' "$1")
  keep "$1.key" "$server" 0 0400 <"$work/$1.key"
  keep "$1.crt" 0 0 0444 <"$work/$1.crt"
}

# The passwords of Kafka's principals (docs/security.md says who may do what), each for its own service.
principals() {
  random | keep kafka-broker 0 0 0400
  # The sensor starts as root; recorded events are played in its name, unprivileged.
  random | keep kafka-sensor 0 "$lictor" 0440
  random | keep kafka-enforcer "$enforcer" 0 0400
  local name
  for name in admin streams sink operator consumer; do
    random | keep "kafka-$name" "$lictor" 0 0400
  done
}

# What the broker knows of them: a JAAS line, which server.properties names by its file (FileConfigProvider).
broker_users() {
  local name
  printf 'login=org.apache.kafka.common.security.plain.PlainLoginModule required username="broker" password="%s"' \
    "$(cat kafka-broker)"
  for name in broker admin sensor streams enforcer sink operator consumer; do
    printf ' user_%s="%s"' "$name" "$(cat "kafka-$name")"
  done
  printf ';\n'
}

kibana_settings() {
  printf 'elasticsearch.username: kibana_system\nelasticsearch.password: "%s"\n' "$(cat kibana-password)"
  printf 'xpack.encryptedSavedObjects.encryptionKey: "%s"\n' "$(random)"
  printf 'xpack.security.encryptionKey: "%s"\nxpack.reporting.encryptionKey: "%s"\n' "$(random)" "$(random)"
}

authority
for service in kafka elasticsearch kibana; do
  certificate "$service"
done
cat kafka.key kafka.crt ca.crt | keep kafka.pem "$server" 0 0400
principals
broker_users | keep kafka-users.properties "$server" 0 0400
random | keep elastic-password "$server" "$lictor" 0440
random | keep kibana-password 0 0 0400
# For curl, which would otherwise be told in its arguments, where everybody could read it.
printf 'user = "elastic:%s"\n' "$(cat elastic-password)" | keep elastic.curl "$server" 0 0400
printf '{"password": "%s"}' "$(cat kibana-password)" | keep kibana-password.json "$server" 0 0400
kibana_settings | keep kibana-secrets.yml "$server" 0 0400
# Sensor (root, group 0) and enforcer prove to each other with it that events are this node's own.
openssl rand 32 | keep node.key "$enforcer" 0 0440
chmod 0711 .
