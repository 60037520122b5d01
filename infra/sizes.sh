#!/usr/bin/env bash
# Builds each function as it is deployed and prints its size; fails when one is too large or links a second TLS stack.
# Usage: infra/sizes.sh [--no-build]   (--no-build looks at what target/release holds)
set -euo pipefail
cd "$(dirname "$0")/.."
export LC_ALL=C

limit=6000000 # bytes
other_tls='aws-lc-rs|aws-lc-sys|aws-lc-fips-sys|openssl|openssl-sys|native-tls|boring|boring-sys|s2n-tls|mbedtls'
local_parts='saldo-local|saldo-measure|saldo-stripe-stand-in|dynoxide-rs|libsqlite3-sys|axum|jsonwebtoken|serde_yaml_ng'

functions=()
for folder in functions/*/; do
    functions+=("$(basename "$folder")")
done

if [ "${1:-}" != --no-build ]; then
    # Named by binary and not by package, as SAM's cargo-lambda does: the features of the whole workspace count.
    cargo build --release "${functions[@]/#/--bin=saldo-}"
fi

failed=0
complain() {
    echo "$*" >&2
    failed=1
}

# The names and versions of the crates that a tree lists, one a line.
crates() { cargo tree --locked --edges normal --prefix none --no-dedupe --format '{p}' "$@" | cut -d' ' -f1,2 | sort -u; }

needs() { objdump -p "$1" | awk '$1 == "NEEDED" { print $2 }' | sort | paste -sd' '; }

newest_glibc() { objdump -T "$1" | grep -o 'GLIBC_[0-9.]*' | sort -Vu | tail -1; }

echo "| function | bytes | of the limit | needs | newest glibc symbol |"
echo "|---|---|---|---|---|"
for function in "${functions[@]}"; do
    binary="target/release/saldo-$function"
    bytes=$(stat -c %s "$binary")
    [ "$bytes" -le "$limit" ] || complain "$function has $bytes bytes, more than $limit"
    echo "| $function | $bytes | $((bytes * 100 / limit)) % | $(needs "$binary") | $(newest_glibc "$binary") |"
    tree=$(crates --package "saldo-$function")
    strays=$(grep -E "^($local_parts) " <<<"$tree" || true)
    [ -z "$strays" ] || complain "$function drags in local parts: $strays"
    for one in rustls ring; do
        count=$(grep -c "^$one " <<<"$tree" || true)
        [ "$count" = 1 ] || complain "$function links $count versions of $one"
    done
done

strays=$(crates --workspace | grep -E "^($other_tls) " || true)
[ -z "$strays" ] || complain "a second TLS stack is in the workspace: $strays"
[ "$failed" = 0 ] && echo && echo "One TLS stack: $(crates --package saldo-create-top-up | grep -E '^(rustls|ring) ' | paste -sd,)."
exit "$failed"
