#!/bin/sh
# Builds kube-apiserver and kube-controller-manager of Debian's source package, as root on Debian 12, once: no package
# holds them. Says where they are; where they cannot be built it says why and nothing on stdout, and the tests against
# them are skipped. Ten minutes and 3 GB. SLUICE_KUBERNETES=$(scripts/build-kubernetes.sh) npx vitest run test/executor
set -eu

place=${SLUICE_KUBERNETES:-${XDG_CACHE_HOME:-$HOME/.cache}/sluice/kubernetes}
programs="kube-apiserver kube-controller-manager"

there() {
  for program in $programs; do [ -x "$place/$program" ] || return 1; done
}

if ! there; then
  if [ "$(id -u)" != 0 ] || ! grep -q '^VERSION_CODENAME=bookworm' /etc/os-release 2> /dev/null; then
    echo "kube-apiserver is not built: that takes root on Debian 12" >&2
    exit 0
  fi
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  mkdir -p "$work/parts" "$work/lists/partial" "$place"
  cat > "$work/parts/debian.sources" << 'SOURCES'
Types: deb deb-src
URIs: http://deb.debian.org/debian
Suites: bookworm bookworm-updates
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
SOURCES
  apt="apt-get -qq -o Dir::Etc::SourceList=/dev/null -o Dir::Etc::SourceParts=$work/parts -o Dir::State::Lists=$work/lists"
  {
    $apt update
    $apt install -y --no-install-recommends golang-go etcd-server rsync make dpkg-dev bubblewrap
    cd "$work"
    $apt source --download-only kubernetes
    dpkg-source --no-check -x kubernetes_*.dsc source
    cd source
    mkdir -p .go/src/k8s.io
    ln -sfn ../../.. .go/src/k8s.io/kubernetes
    what=""
    for program in $programs; do what="$what cmd/$program"; done
    GOFLAGS=-p=1 GOPATH="$PWD/.go" CGO_ENABLED=0 KUBE_GIT_VERSION=v1.20.2 nice -n 19 make WHAT="$what"
    for program in $programs; do cp "_output/local/go/bin/$program" "$place/"; done
  } >&2
fi
echo "$place"
