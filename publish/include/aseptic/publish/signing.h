// SPDX-License-Identifier: Apache-2.0
// How a person signs: what is signed is shown, the person agrees to exactly that, the log knows it, then the key acts.
//
// Called by `aseptic sign`, `aseptic release sign`, `aseptic image sign`.
// Security (T-82): Agreement can be made only from a text that was presented, and holds the digest of the bytes; each
// signing function refuses bytes with another digest. Nothing can be signed that was not shown (KM-09).
// Thread contract: one thread at a time.
#pragma once

#include <functional>

#include "aseptic/publish/role_signer.h"
#include "aseptic/publish/signing_file.h"
#include "aseptic/publish/signing_log.h"

namespace aseptic::publish {

// What a person is shown, and the bytes that it was made from.
struct Presentation {
  std::string what;  // short: "targets version 5"
  std::string text;
  core::Digest signed_digest;
};

// Shows the text and says whether the person agreed.
using AskPerson = std::function<bool(const Presentation&)>;

class Agreement {
 public:
  static core::Result<Agreement> ask(const Presentation& presentation, const AskPerson& ask);
  [[nodiscard]] const Presentation& presentation() const { return presentation_; }

 private:
  explicit Agreement(Presentation presentation) : presentation_(std::move(presentation)) {}
  Presentation presentation_;
};

struct SigningDesk {
  SigningLog& log;
  core::UtcTime now;
};

// Adds this key's signature to the file. Refuses a key that is not in the role, and one that has signed already.
core::Result<void> sign_as_root(SigningFile& file, const Agreement& agreement, RootSigner& signer, const SigningDesk& desk);
core::Result<void> sign_as_release(SigningFile& file, const Agreement& agreement, ReleaseSigner& signer, const SigningDesk& desk);

}  // namespace aseptic::publish
