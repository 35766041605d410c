// SPDX-License-Identifier: Apache-2.0
#include "aseptic/boot/journal/record.h"

#include "aseptic/boot/format/checksum.h"

namespace aseptic::boot {
namespace {

constexpr std::uint8_t kFormatChecksum = 1;
constexpr std::uint8_t kFormatMac = 2;

// What both formats store of a record's arguments: digest, slot, detail, attempt, value, as they lie in Record.
constexpr std::size_t kArgumentsSize = kDigestSize + 8;
static_assert(offsetof(Record, value) + sizeof(std::uint32_t) - offsetof(Record, digest) == kArgumentsSize);
static_assert(offsetof(Record, slot) - offsetof(Record, digest) == kDigestSize);
static_assert(offsetof(RecordWire1, value) + sizeof(Le32) - offsetof(RecordWire1, digest) == kArgumentsSize);
static_assert(offsetof(RecordWire2, value) + sizeof(Le32) - offsetof(RecordWire2, digest) == kArgumentsSize);

// Where the fields of the two formats lie.
struct Layout {
  std::uint8_t format;
  std::uint8_t sequence;
  std::uint8_t sequence_size;
  std::uint8_t arguments;
};
constexpr Layout kChecked = {kFormatChecksum, offsetof(RecordWire1, sequence), 8, offsetof(RecordWire1, digest)};
constexpr Layout kKeyed = {kFormatMac, offsetof(RecordWire2, sequence), 6, offsetof(RecordWire2, digest)};

Digest record_mac(const RecordSealer& sealer, ByteView record) {
  return hmac(*sealer.hasher, sealer.key, record.first(offsetof(RecordWire2, mac)));
}

bool seal_matches(const RecordSealer& sealer, ByteView bytes) {
  constexpr std::size_t kMac = offsetof(RecordWire2, mac);
  if (!sealer.keyed) return checksum_matches(bytes);
  return equal(bytes.subspan(kMac), ByteView(record_mac(sealer, bytes)).first(kRecordSize - kMac));
}

}  // namespace

Record::Record(RecordTag record_tag, const Digest& record_digest) {
  clear_object(*this);
  tag = record_tag;
  copy_digest(digest, record_digest);
}

Digest derive_report_key(Hasher& hasher, const Digest& device_secret, const Digest& boot_digest, ByteView debug_and_life_cycle) {
  return hmac(hasher, device_secret, domain("aseptic-report-v1"), boot_digest, debug_and_life_cycle);
}

DerivedKeys derive_keys(Hasher& hasher, const Digest& device_secret) {
  return {hmac(hasher, device_secret, domain("aseptic-journal-v1")),
          hmac(hasher, device_secret, domain("aseptic-confirm-v1"))};
}

void encode_record(const RecordSealer& sealer, const Record& record, RecordBytes& out) {
  const Layout& layout = sealer.keyed ? kKeyed : kChecked;
  out = {};
  out[0] = static_cast<std::uint8_t>(record.tag);
  out[1] = layout.format;
  const MutableBytes bytes = out;
  if (!sealer.keyed) copy_bytes(bytes.subspan(offsetof(RecordWire1, boot_count), 4), value_bytes(record.boot_count));
  copy_bytes(bytes.subspan(layout.sequence, layout.sequence_size), value_bytes(record.sequence));
  copy_bytes(bytes.subspan(layout.arguments, kArgumentsSize), {record.digest.data(), kArgumentsSize});
  if (sealer.keyed) {
    copy_bytes(bytes.subspan(offsetof(RecordWire2, mac)), record_mac(sealer, bytes));
  } else {
    seal_checksum(bytes);
  }
}

RecordBytes encode_record(const RecordSealer& sealer, const Record& record) {
  RecordBytes out;
  encode_record(sealer, record, out);
  return out;
}

Status decode_record(const RecordSealer& sealer, std::span<const std::uint8_t, kRecordSize> bytes,
                     Record& out) {
  if (bytes[0] == 0 || bytes[0] == 0xFF) return Status::kNotFound;  // burnt or erased: both cheap to skip
  const Layout& layout = sealer.keyed ? kKeyed : kChecked;
  // A record with a mere checksum is no record on a device with a secret: the format is the device's, not the
  // record's.
  if (bytes[1] != layout.format) return Status::kBadFormat;
  if (!seal_matches(sealer, bytes)) return Status::kBadChecksum;
  Record record;
  record.tag = static_cast<RecordTag>(bytes[0]);
  copy_bytes(mutable_value_bytes(record.sequence), bytes.subspan(layout.sequence, layout.sequence_size));
  copy_bytes({record.digest.data(), kArgumentsSize}, bytes.subspan(layout.arguments, kArgumentsSize));
  if (!sealer.keyed) {
    if (bytes[2] != 0 || bytes[3] != 0 || record.sequence > kSequenceMax) return Status::kReservedNotZero;
    copy_bytes(mutable_value_bytes(record.boot_count), bytes.subspan(offsetof(RecordWire1, boot_count), 4));
  }
  out = record;
  return Status::kOk;
}

}  // namespace aseptic::boot
