// SPDX-License-Identifier: Apache-2.0
#include "aseptic/boot/journal/record.h"

#include "aseptic/boot/format/checksum.h"

namespace aseptic::boot {
namespace {

constexpr std::uint8_t kFormatChecksum = 1;
constexpr std::uint8_t kFormatMac = 2;

Digest record_mac(const RecordSealer& sealer, ByteView record) {
  return hmac(*sealer.hasher, sealer.key, record.first(offsetof(RecordWire2, mac)));
}

template <class Wire>
void put_arguments(const Record& record, Wire& w) {
  w.tag.set(static_cast<std::uint8_t>(record.tag));
  w.digest = record.digest;
  w.slot.set(record.slot);
  w.detail.set(record.detail);
  w.attempt.set(record.attempt);
  w.value.set(record.value);
}

template <class Wire>
void get_arguments(const Wire& w, Record& record) {
  record.tag = static_cast<RecordTag>(w.tag.get());
  record.digest = w.digest;
  record.slot = w.slot.get();
  record.detail = w.detail.get();
  record.attempt = w.attempt.get();
  record.value = w.value.get();
}

RecordBytes encode_checked(const Record& record) {
  RecordWire1 w{};
  put_arguments(record, w);
  w.format.set(kFormatChecksum);
  w.boot_count.set(record.boot_count);
  w.sequence.set(record.sequence);
  seal_checksum(mutable_bytes_of(w));
  RecordBytes out{};
  copy_bytes(out, bytes_of(w));
  return out;
}

RecordBytes encode_keyed(const RecordSealer& sealer, const Record& record) {
  RecordWire2 w{};
  put_arguments(record, w);
  w.format.set(kFormatMac);
  for (std::size_t i = 0; i < sizeof w.sequence; ++i)
    w.sequence[i] = static_cast<std::uint8_t>(record.sequence >> (8U * i));
  copy_bytes(w.mac, ByteView(record_mac(sealer, bytes_of(w))).first(sizeof w.mac));
  RecordBytes out{};
  copy_bytes(out, bytes_of(w));
  return out;
}

Status decode_checked(ByteView bytes, Record& out) {
  RecordWire1 w{};
  copy_bytes(mutable_bytes_of(w), bytes);
  if (w.format.get() != kFormatChecksum) return Status::kBadFormat;
  if (!checksum_matches(bytes)) return Status::kBadChecksum;
  if (!all_bytes_are(w.reserved, 0) || w.sequence.get() > kSequenceMax) return Status::kReservedNotZero;
  Record record;
  get_arguments(w, record);
  record.boot_count = w.boot_count.get();
  record.sequence = w.sequence.get();
  out = record;
  return Status::kOk;
}

Status decode_keyed(const RecordSealer& sealer, ByteView bytes, Record& out) {
  RecordWire2 w{};
  copy_bytes(mutable_bytes_of(w), bytes);
  // A record with a mere checksum is no record on a device with a secret: the format is the device's, not the
  // record's.
  if (w.format.get() != kFormatMac) return Status::kBadFormat;
  if (!equal(w.mac, ByteView(record_mac(sealer, bytes)).first(sizeof w.mac))) return Status::kBadChecksum;
  Record record;
  get_arguments(w, record);
  for (std::size_t i = sizeof w.sequence; i-- > 0;)
    record.sequence = (record.sequence << 8U) | w.sequence[i];
  out = record;
  return Status::kOk;
}

}  // namespace

DerivedKeys derive_keys(Hasher& hasher, const Digest& device_secret) {
  return {hmac(hasher, device_secret, domain("aseptic-journal-v1")),
          hmac(hasher, device_secret, domain("aseptic-confirm-v1"))};
}

RecordBytes encode_record(const RecordSealer& sealer, const Record& record) {
  return sealer.keyed ? encode_keyed(sealer, record) : encode_checked(record);
}

Status decode_record(const RecordSealer& sealer, std::span<const std::uint8_t, kRecordSize> bytes,
                     Record& out) {
  if (bytes[0] == 0 || bytes[0] == 0xFF) return Status::kNotFound;  // burnt or erased: both cheap to skip
  return sealer.keyed ? decode_keyed(sealer, bytes, out) : decode_checked(bytes, out);
}

}  // namespace aseptic::boot
