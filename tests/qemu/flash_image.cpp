// SPDX-License-Identifier: Apache-2.0
#include "flash_image.h"

#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>

#include <algorithm>
#include <fstream>

#include "aseptic/boot/host/crypto.h"
#include "aseptic/boot/journal/factory.h"
#include "aseptic/boot/journal/journal.h"
#include "tests/support/release_test_key.h"

namespace aseptic::test {
namespace {

using namespace boot;

EVP_PKEY* key_of(const std::shared_ptr<void>& key) {
  return static_cast<EVP_PKEY*>(key.get());
}

// A storage that holds only a journal, read from a file.
class JournalFile final : public Storage {
 public:
  explicit JournalFile(Bytes journal) : bytes_(std::move(journal)) {}
  std::uint64_t size(Area) override { return bytes_.size(); }
  Status read(Area, std::uint64_t offset, MutableBytes out) override {
    copy_bytes(out, ByteView(bytes_).subspan(offset, out.size()));
    return Status::kOk;
  }
  Status program(Area, std::uint64_t, ByteView) override { return Status::kIoError; }
  Status erase(Area, std::uint64_t, std::uint64_t) override { return Status::kIoError; }
  Status sync(Area) override { return Status::kIoError; }
  std::uint8_t erased_value() const override { return 0xFF; }

 private:
  Bytes bytes_;
};

}  // namespace

BuilderKey::BuilderKey() : key_(EVP_EC_gen("P-256"), [](void* key) { EVP_PKEY_free(static_cast<EVP_PKEY*>(key)); }) {}

std::array<std::uint8_t, kP256PublicKeySize> BuilderKey::public_key() const {
  std::array<std::uint8_t, 1 + kP256PublicKeySize> point{};
  std::size_t size = 0;
  EVP_PKEY_get_octet_string_param(key_of(key_), "pub", point.data(), point.size(), &size);
  std::array<std::uint8_t, kP256PublicKeySize> out{};
  std::copy(point.begin() + 1, point.end(), out.begin());
  return out;
}

std::array<std::uint8_t, kP256SignatureSize> BuilderKey::sign(ByteView message) const {
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
  std::array<std::uint8_t, 80> der{};
  std::size_t size = der.size();
  EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key_of(key_));
  EVP_DigestSign(context.get(), der.data(), &size, message.data(), message.size());
  const std::uint8_t* at = der.data();
  const std::unique_ptr<ECDSA_SIG, decltype(&ECDSA_SIG_free)> signature(d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(size)),
                                                                        &ECDSA_SIG_free);
  std::array<std::uint8_t, kP256SignatureSize> out{};
  BN_bn2binpad(ECDSA_SIG_get0_r(signature.get()), out.data(), 32);
  BN_bn2binpad(ECDSA_SIG_get0_s(signature.get()), out.data() + 32, 32);
  return out;
}

FlashImage::FlashImage(const BoardFacts& board)
    : release{release_test_key(), put_release_signature}, board_(board), bytes_(cortex_m::kFlashSize, 0xFF) {
  provisioning.device_id.fill(0xD1);
  provisioning.product.fill(0xA1);
  provisioning.hardware.fill(0xB1);
  provisioning.hardware_revision = 1;
  provisioning.recovery_present = true;
}

Bytes FlashImage::firmware(const Bytes& application, std::uint32_t entry, const FirmwareSpec& spec) const {
  Bytes code = application;
  for (std::size_t i = 0; i < spec.padding; ++i)
    code.push_back(static_cast<std::uint8_t>(i * 31 + spec.sequence));
  host::Sha256 hasher;
  Manifest m;
  m.image_type = ImageType::kApplication;
  m.life_cycle = LifeCycle::kDevelopment;
  m.product = provisioning.product;
  m.hardware = provisioning.hardware;
  m.hardware_revision_min = 1;
  m.hardware_revision_max = 1;
  m.version[0] = '1';
  m.sequence = spec.sequence;
  m.epoch = spec.epoch;
  m.load_address = spec.load_address != 0 ? spec.load_address : board_.load_address;
  m.entry = spec.load_address != 0 ? spec.load_address : entry;
  m.region_count = 1;
  m.regions[0] = {RegionKind::kExecCopied, kFirstRegionOffset, code.size(), hash_of(hasher, code)};
  m.image_size = (kFirstRegionOffset + code.size() + kImageBlockSize - 1) / kImageBlockSize * kImageBlockSize;
  m.classic_key_id = hash_of(hasher, key_.public_key());
  m.post_quantum_algorithm = release.public_key.algorithm;
  m.post_quantum_key_id = hash_of(hasher, release.public_key.view());
  Bytes image(m.image_size, 0);
  std::array<std::uint8_t, kManifestRegionSize> region{};
  if (!ok(encode_manifest(m, region))) return {};
  Bytes message(std::begin(kP256Domain), std::end(kP256Domain));
  message.insert(message.end(), region.begin(), region.end());
  const auto signature = key_.sign(message);
  std::ranges::copy(region, image.begin());
  std::ranges::copy(signature, image.begin() + kManifestRegionSize);
  release.put_signature(image);
  std::ranges::copy(code, image.begin() + kFirstRegionOffset);
  return image;
}

void FlashImage::provision(const Bytes& image, std::uint32_t capabilities) {
  host::Sha256 hasher;
  provisioning.port_capabilities = capabilities;
  KeySlot& slot = provisioning.key_slots[0];
  slot.provisioned = true;
  slot.keys.p256 = key_.public_key();
  slot.keys.post_quantum = release.public_key;
  slot.hash = key_slot_hash(hasher, slot.keys);
  Bytes record(kProvisioningSize);
  encode_provisioning(provisioning, std::span(record).first<kProvisioningSize>());
  put(Area::kProvisioning, record);
  const Digest secret = device_secret();
  put(Area::kSecret, {secret.begin(), secret.end()});
  const FactoryImage factory{std::span(image).first<kManifestRegionSize>()};
  Bytes journal(cortex_m::flash_area(Area::kJournal).size);
  const RecordSealer sealer{&hasher, (capabilities & kPortDeviceSecret) != 0, derive_keys(hasher, secret).journal};
  static_cast<void>(make_factory_journal(hasher, sealer, factory, journal));
  put(Area::kJournal, journal);
  Bytes store(cortex_m::flash_area(Area::kMonotonic).size);
  static_cast<void>(make_factory_store(hasher, provisioning, factory, store));
  put(Area::kMonotonic, store);
  for (const Area area : {Area::kSlotA, Area::kSlotB, Area::kRecovery})
    put(area, image);
}

void FlashImage::put(Area area, const Bytes& content) {
  const cortex_m::FlashArea& where = cortex_m::flash_area(area);
  std::fill_n(bytes_.begin() + where.offset, where.size, std::uint8_t{0xFF});
  put_at(where.offset, content);
}

void FlashImage::put_at(std::uint32_t offset, const Bytes& content) {
  std::ranges::copy(content, bytes_.begin() + offset);
}

void FlashImage::script(const std::string& steps) {
  for (std::size_t i = 0; i < steps.size(); ++i)
    bytes_[cortex_m::kApplicationData.offset + 8 * i] = static_cast<std::uint8_t>(steps[i]);
}

void FlashImage::write(const std::filesystem::path& file) const {
  std::ofstream out(file, std::ios::binary | std::ios::trunc);
  out.write(reinterpret_cast<const char*>(bytes_.data()), static_cast<std::streamsize>(bytes_.size()));
  out.close();
  std::filesystem::resize_file(file, board_.file_size);
}

Digest device_secret() {
  Digest secret{};
  secret.fill(0x77);
  return secret;
}

JournalState journal_of(const std::filesystem::path& file) {
  const cortex_m::FlashArea& where = cortex_m::flash_area(Area::kJournal);
  Bytes journal(where.size);
  std::ifstream in(file, std::ios::binary);
  in.seekg(where.offset);
  in.read(reinterpret_cast<char*>(journal.data()), static_cast<std::streamsize>(journal.size()));
  host::Sha256 hasher;
  const RecordSealer sealer{&hasher, true, derive_keys(hasher, device_secret()).journal};
  JournalFile storage(std::move(journal));
  Journal folded(storage, sealer);
  static_cast<void>(folded.load());
  return folded.state();
}

Digest manifest_of(const Bytes& image) {
  host::Sha256 hasher;
  return manifest_digest(hasher, std::span(image).first<kManifestRegionSize>());
}

std::string hex(ByteView bytes) {
  std::string text;
  for (const std::uint8_t byte : bytes) {
    text += "0123456789abcdef"[byte >> 4U];
    text += "0123456789abcdef"[byte & 15U];
  }
  return text;
}

}  // namespace aseptic::test
