# SPDX-License-Identifier: Apache-2.0
# The publisher's side of the demo, as functions: what the people at the device maker type.
# Sourced by demo.sh, which sets: bin (programs), work (the demo's folder), port (of the server).

product=6f1c2a8e-52f1-4c0b-9a53-1d0f6c1e2b10
hardware=0b7d9c44-8a1e-4f7e-8f0a-3b1de2c45a01
online=(--role-key payload-index --snapshot-key snapshot --timestamp-key timestamp)

aseptic() { "$bin/aseptic" --profile development --keys "$work/keys" "$@"; }

# The release role's machine without a network: the second key of every image never leaves it.
offline() { "$bin/aseptic" --profile development --keys "$work/offline_keys" "$@"; }
pair=(--builder "$work/keys/builder.pub" --release-key "$work/offline_keys/release-image.pub")

make_keys() {
  aseptic keys create root-1 root-2 root-3 release-engineering release-quality --algorithm ed25519
  aseptic keys create builder payload-index snapshot timestamp factory --algorithm p256
  offline keys create release-image --algorithm slh-dsa
}

make_certificates() {
  aseptic pki init --pki "$work/pki" --dns localhost --address 127.0.0.1 --name "Demo private CA"
  aseptic pki server --pki "$work/pki" --dns localhost --address 127.0.0.1 --out "$work/server"
}

# The TUF repository: root 2 of 3, release 2 of 2, payloads delegated to an online role that can name no new image.
make_repository() {
  aseptic repo init "$work/repository" --root root-1 --root root-2 --root root-3 --root-threshold 2 \
    --release release-engineering --release release-quality --release-threshold 2 \
    --snapshot snapshot --timestamp timestamp --out "$work/signing"
  aseptic repo delegate "$work/repository" --signing "$work/signing/targets.signing.json" --name payload-index \
    --path 'payload-index/*' --path 'payloads/*' --path 'envelopes/*' --key payload-index
  sign_edition "$work/signing/root.signing.json" root-1 root-2
  sign_edition "$work/signing/targets.signing.json" release-engineering release-quality
  aseptic repo publish "$work/repository" "$work/signing/root.signing.json" "$work/signing/targets.signing.json" \
    --snapshot-key snapshot --timestamp-key timestamp --role-key payload-index
  aseptic policy create --product "$product" --provisioning-key factory --root "$work/repository/metadata/1.root.json" --signing "$work/signing/policy.json"
  sign_edition "$work/signing/policy.json" root-1 root-2
  aseptic policy export "$work/signing/policy.json" --out "$work/authority_policy.json"
}

sign_edition() {  # sign_edition FILE PERSON...: each person is shown what is signed, then signs
  local file=$1 person; shift
  for person in "$@"; do aseptic sign "$file" --key "$person" --yes; done
}

describe_release() {  # describe_release NUMBER EPOCH: writes NUMBER.toml with its SBOM and consent text
  local number=$1 epoch=$2 folder=$work/releases
  mkdir -p "$folder"
  printf 'Update %s of the infusion pump: about one minute, therapy is not possible meanwhile.\n' "$number" > "$folder/consent_$number.txt"
  printf '{"bomFormat":"CycloneDX","specVersion":"1.5","components":[{"type":"library","name":"openssl","version":"3.0.%s"}]}\n' "$((15 + number))" \
    > "$folder/sbom_$number.json"
  sed -e "s/@NUMBER@/$number/g" -e "s/@EPOCH@/$epoch/g" -e "s/@PRODUCT@/$product/g" -e "s/@HARDWARE@/$hardware/g" \
    "$(dirname "${BASH_SOURCE[0]}")/release.toml.in" > "$folder/$number.toml"
}

build_image() {  # build_image NUMBER PROGRAM [TREE [OPTION...]]: the builder composes and signs; the release role releases
  local number=$1 program=$2 tree=()
  [[ -z ${3:-} ]] || tree=(--tree "$3")
  aseptic image build "${@:4}" --description "$work/releases/$number.toml" "${pair[@]}" --exec "$bin/$program" "${tree[@]}" --out "$work/releases/$number.img"
  aseptic image sign "$work/releases/$number.img" --key builder --yes
  offline image release "$work/releases/$number.img" --key release-image --builder "$work/keys/builder.pub" --yes
}

publish_release() {  # publish_release NUMBER: payloads, manifest, channel; two persons sign; then it is published
  local number=$1 edition=$work/signing/release_$1.json
  aseptic release create "$work/repository" --signing "$edition" --description "$work/releases/$number.toml" \
    --image "$work/releases/$number.img" "${pair[@]}" --zstd-level 3 --deltas "${deltas:-3}"
  aseptic channel set "$work/repository" --signing "$edition" --product "$product" --release "pump-$number.0.0"
  sign_edition "$edition" release-engineering release-quality
  aseptic release publish "$work/repository" --signing "$edition" "${online[@]}"
}

provision_device() {  # provision_device NUMBER [SLOT-BYTES]: a virtual pump leaves the factory with release NUMBER
  local size=()
  [[ -z ${2:-} ]] || size=(--slot-size "$2")
  aseptic device provision "$work/device" --id pump-0001 --description "$work/releases/$1.toml" --image "$work/releases/$1.img" \
    "${pair[@]}" --root "$work/repository/metadata/1.root.json" --policy "$work/authority_policy.json" --pki "$work/pki" \
    --provisioning-key factory --jurisdiction EU --repository-url "https://localhost:$port" --report-url "https://localhost:$port/v1/reports" \
    --poll 1 "${size[@]}"
}
