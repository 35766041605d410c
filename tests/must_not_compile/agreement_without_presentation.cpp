// SPDX-License-Identifier: Apache-2.0
// Nothing can be signed that was not shown: an agreement comes only from asking a person (KM-09).
// As: aseptic_publish
// Refused: is private within this context
#include "aseptic/publish/signing.h"

using namespace aseptic::publish;

aseptic::core::Result<Agreement> agree(const Presentation& presentation, const AskPerson& person) {
  return Agreement::ask(presentation, person);
}

#ifdef ASEPTIC_FORBIDDEN
Agreement forge(Presentation presentation) { return Agreement(std::move(presentation)); }
#endif
