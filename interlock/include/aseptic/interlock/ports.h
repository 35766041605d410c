// SPDX-License-Identifier: Apache-2.0
// What the interlock needs from its surroundings. The library has no I/O, clock, randomness or keys of its
// own; each call is given these ports, so that the state machines stay plain values that tests copy, compare
// and explore. Implemented by: the therapy application (GuardPorts), the device agent (HoldPorts), test
// fakes. Thread contract: one thread per guard or client; ports are called only inside a call of the library.
#pragma once

#include <cstdint>

#include "aseptic/interlock/message.h"
#include "aseptic/interlock/permit.h"
#include "aseptic/interlock/status.h"
#include "aseptic/interlock/types.h"
#include "aseptic/interlock/use_state.h"

namespace aseptic::interlock {

/// CLOCK_BOOTTIME: monotonic, and it runs on while the device is suspended. Never a settable clock.
class Clock {
 public:
  virtual std::uint64_t boottime_ms() = 0;

 protected:
  ~Clock() = default;
};

/// Sends one frame to the other side, whole or not at all; must not block. Loss is allowed.
class Link {
 public:
  virtual Status send(Bytes frame) = 0;

 protected:
  ~Link() = default;
};

/// The therapy key. SECURITY(T-66): only the therapy application holds it; the agent has the public half.
class LeaseSigner {
 public:
  virtual Status sign(Bytes region, Signature& out) = 0;

 protected:
  ~LeaseSigner() = default;
};

class LeaseVerifier {
 public:
  virtual Status verify(Bytes region, const Signature& signature) = 0;

 protected:
  ~LeaseVerifier() = default;
};

class Entropy {
 public:
  virtual Status fill(Nonce& out) = 0;

 protected:
  ~Entropy() = default;
};

/// The PERMIT cell: writable by the therapy side alone.
/// DURABILITY: after store(), sync() is called until it says kSuccess; then, and only then, the cell survives
/// a power cut. sync() may answer kPending for any length of time (slow storage) or block. read() shows what
/// is on the medium, not a cache of the writer. Storing over a pending store replaces it.
class PermitStore {
 public:
  virtual Status store(const PermitCell& cell) = 0;
  virtual Status sync() = 0;
  virtual Status read(PermitCell& out) = 0;

 protected:
  ~PermitStore() = default;
};

/// The therapy application, asked now. It must copy `challenge` into its answer and report live values.
class TherapyProbe {
 public:
  virtual Status answer(std::uint32_t challenge, UseReport& out) = 0;
  virtual SelfTestVerdict self_test() = 0;

 protected:
  ~TherapyProbe() = default;
};

/// The commanded reset. On a device it does not return; a return is a failed reset. Nothing else in the
/// system may command one: the agent has no right to.
class ResetLine {
 public:
  virtual void command_reset(ResetPurpose purpose) = 0;

 protected:
  ~ResetLine() = default;
};

struct GuardPorts {
  Clock& clock;
  Link& agent;
  LeaseSigner& signer;
  PermitStore& permit;
  TherapyProbe& probe;
  ResetLine& reset;
};

struct HoldPorts {
  Clock& clock;
  Link& therapy;
  LeaseVerifier& verifier;
  Entropy& entropy;
};

}  // namespace aseptic::interlock
