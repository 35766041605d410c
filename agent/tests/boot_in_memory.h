// SPDX-License-Identifier: Apache-2.0
// What boot needs around its simulated disk: memory to run from, the shipped verifier, silence.
#pragma once

#include <algorithm>
#include <map>
#include <string>

#include "aseptic/boot/core/port.h"
#include "aseptic/boot/host/crypto.h"
#include "aseptic/core/bytes.h"
#include "aseptic/core/hash.h"

namespace aseptic::agent::test {

using core::ByteView;
using core::Bytes;

class BufferMemory final : public boot::ExecMemory {
 public:
  boot::Status begin(std::uint64_t size) override { return content.assign(size, 0), boot::Status::kOk; }
  boot::Status write(std::uint64_t offset, boot::ByteView bytes) override {
    std::ranges::copy(bytes, content.begin() + static_cast<std::ptrdiff_t>(offset));
    return boot::Status::kOk;
  }
  boot::Status seal(boot::ByteView& sealed) override { return sealed = content, boot::Status::kOk; }
  Bytes content;
};

// The shipped verifier, asked once per thread and question: a signature that verified verifies again.
class RememberingVerifier final : public boot::SignatureVerifier {
 public:
  boot::Status verify_p256(std::span<const std::uint8_t, boot::kP256PublicKeySize> key, const boot::Digest& digest,
                           std::span<const std::uint8_t, boot::kP256SignatureSize> signature) override {
    thread_local std::map<std::string, boot::Status> known;
    std::string question(core::as_text(key));
    question += core::as_text(digest);
    question += core::as_text(signature);
    const auto found = known.find(question);
    if (found != known.end()) return found->second;
    boot::host::PairVerifier verifier;
    return known[question] = verifier.verify_p256(key, digest, signature);
  }
  boot::Status verify_post_quantum(const boot::PostQuantumKey& key, const boot::SignedMessage& message,
                                   boot::SignatureSource& signature) override {
    thread_local std::map<core::Digest, boot::Status> known;
    std::array<std::uint8_t, boot::kSlhDsaSignatureSize> bytes{};
    if (const boot::Status status = signature.next(bytes); !boot::ok(status)) return status;
    core::Sha256 question;
    const core::Digest id = question.update(key.view()).update(message.domain).update(message.body).update(bytes).finish();
    const auto found = known.find(id);
    if (found != known.end()) return found->second;
    boot::host::PairVerifier verifier;
    boot::SignatureBytes source(bytes);
    return known[id] = verifier.verify_post_quantum(key, message, source);
  }
};

class NoEntropy final : public boot::Entropy {
 public:
  boot::Status fill(boot::Digest& out) override { return out.fill(0x5a), boot::Status::kOk; }
};

class NoEvents final : public boot::EventSink {
 public:
  void event(const boot::Event&) override {}
};

}  // namespace aseptic::agent::test
