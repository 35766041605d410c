// SPDX-License-Identifier: Apache-2.0
// Files on a device that somebody may have changed while its power was off, and the boot report that leaves it: configuration,
// transaction, memory, report. The first byte says which. What is accepted encodes to something that is accepted again, as the same.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "aseptic/agent/config.h"
#include "aseptic/trust/mailbox_report.h"
#include "agent/tests/state_files.h"

using namespace aseptic;

namespace {

void need(bool condition) {
  if (!condition) std::abort();
}

// Nobody has the private half any more.
const trust::BootKey& boot_key() {
  static const trust::BootKey key = trust::BootKey::listed(*core::PublicKey::from_pem(
    "-----BEGIN PUBLIC KEY-----\n"
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEu5OiwVyQ/k/FC59wOhJZizEk88lv\n"
    "ZYHDJLEtM9zu3fRqttMW7k6/lEj4ScgicALCrKB8Z1g7dM15yVm0Dm9P0A==\n"
    "-----END PUBLIC KEY-----\n"));
  return key;
}

void configuration(core::ByteView bytes) {
  const auto config = agent::parse_config(core::as_text(bytes), "/device");
  if (!config) return;
  need(!config->repository.urls.empty() && config->repository.urls.size() >= config->repository.media.size());
  for (const std::string& path : config->repository.media) need(path.starts_with('/'));
  need(config->slots.a.starts_with('/') && config->policy.poll.count() > 0);
}

void transaction(core::ByteView bytes) {
  const auto record = agent::parse_transaction(bytes);
  if (!record) return;
  const auto again = agent::parse_transaction(core::as_bytes(agent::encode_transaction(*record)));
  need(again && *again == *record);
}

void memory(core::ByteView bytes) {
  const auto kept = agent::parse_memory(bytes);
  if (!kept) return;
  need(kept->failed.size() <= agent::kFailedMax);
  const auto again = agent::parse_memory(core::as_bytes(agent::encode_memory(*kept)));
  need(again && *again == *kept);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const core::ByteView bytes(data + 1, size - 1);
  switch (data[0]) {
    case 'c': configuration(bytes); break;
    case 't': transaction(bytes); break;
    case 'm': memory(bytes); break;
    case 'r': need(!trust::verify_mailbox_report(bytes, boot_key())); break;
    default: break;
  }
  return 0;
}
