// SPDX-License-Identifier: Apache-2.0
// A verified value is made by its verifier only (MF-09, VF-01).
// As: aseptic_core
// Refused: is private within this context
#include "aseptic/core/trusted.h"

struct Statement { int version; };
class StatementVerifier;
template <>
struct aseptic::core::VerifierOf<Statement> { using type = StatementVerifier; };

class StatementVerifier {
 public:
  static aseptic::core::Verified<Statement> verify(const aseptic::core::Untrusted<Statement>& input) {
    return aseptic::core::Verified<Statement>(input.for_verification());
  }
};

#ifdef ASEPTIC_FORBIDDEN
aseptic::core::Verified<Statement> forge() { return aseptic::core::Verified<Statement>(Statement{1}); }
#endif
