// SPDX-License-Identifier: Apache-2.0
// One Cortex-M33 of Unicorn over a Board. Two of them share one board: a slow one that can stop before any instruction
// (the run without fault, single steps), and a fast one that stops only at milestones (the run after a fault).
// Model: instructions of the ISA, no pipeline, no bus timing; any exception ends the run (boot's handlers only record
// it and reset). What runs on the host, a whole call at a time, is said by Depth.
#pragma once
#include <unicorn/unicorn.h>

#include <functional>
#include <set>
#include <span>

#include "board.h"

namespace aseptic::test {

// r0..r12, sp, lr, pc, xpsr.
using Registers = std::array<std::uint32_t, 17>;
inline constexpr std::size_t kSp = 13, kLr = 14, kPc = 15, kXpsr = 16;

// Whose own instructions run, and can be faulted; what the others do is done by the host, whole calls at a time
// (docs/boot_fault.md). The decision's instructions run at every depth.
enum class Depth { kDecision, kMemory, kHash, kPostQuantum, kP256, kSign };
inline constexpr std::array kDepths = {Depth::kDecision, Depth::kMemory, Depth::kHash, Depth::kPostQuantum, Depth::kP256, Depth::kSign};
const char* depth_name(Depth depth);
// Part of the names, as the linker knows them, of what the host does at this depth.
std::vector<const char*> functions_on_host(Depth depth);

enum class Stop { kAsked, kHalted, kTrapped, kReset, kTooLong, kLeftRom };

class Engine {
 public:
  // `milestones` empty: the slow engine, `on_instruction` is asked before each instruction of ROM; else it is asked at
  // the milestones only, which must be where calls go. It returns false to stop there.
  Engine(Board& board, const Elf& elf, const std::set<std::uint32_t>& milestones, Depth depth);
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  // `cycles_from`: from so many blocks on, a state that comes again ends the run as too long: it would for ever.
  Stop run(std::uint64_t blocks_max, std::uint64_t cycles_from = ~0ULL);
  std::function<bool(std::uint32_t pc)> on_instruction;

  [[nodiscard]] Registers registers() const;
  void set_register(std::size_t index, std::uint32_t value);
  [[nodiscard]] std::uint32_t get_register(std::size_t index) const;
  void reset_to(std::uint32_t pc);
  void take_state_of(const Engine& other);
  void take_system_of(const Engine& other) { system_ = other.system_; }  // what `restore` does not bring
  void save(uc_context* to) const { uc_context_save(engine_, to); }
  void restore(uc_context* from) { uc_context_restore(engine_, from); }
  [[nodiscard]] uc_context* new_context() const;
  void forget_code(std::uint32_t address, std::uint32_t size);
  void protect_again();
  [[nodiscard]] std::uint64_t blocks() const { return blocks_; }
  // The last block of ROM ended with BXNS.
  [[nodiscard]] bool went_non_secure() const;
  [[nodiscard]] std::span<const std::uint8_t> system_bytes() const { return {reinterpret_cast<const std::uint8_t*>(system_.data()), sizeof system_}; }
  [[nodiscard]] std::uint32_t system_word(std::uint32_t address) const { return system_[address / 4 % 0x400]; }

 private:
  void map();
  friend std::vector<const char*> functions_on_host(Depth depth);
  struct HostFunction {
    const char* name;
    void (*call)(uc_engine*, std::uint64_t pc, std::uint32_t size, void* self);
    bool returns;          // the first instruction becomes a return; else `call` leaves the function, or lets the code run
    std::vector<Depth> runs;  // where its own instructions run
  };
  static const std::vector<HostFunction>& host_functions();
  void add_host_functions(const Elf& elf, Depth depth);
  void leave(std::uint32_t result);  // from the entry of a function, to its caller
  std::uint8_t* writable(std::uint32_t address, std::uint32_t size) const;
  const std::uint8_t* readable(std::uint32_t address, std::uint32_t size) const;
  bool hash(std::uint32_t context, const std::uint8_t* bytes, std::uint32_t size) const;
  static void on_copy(uc_engine*, std::uint64_t pc, std::uint32_t size, void* self);
  static void on_set(uc_engine*, std::uint64_t pc, std::uint32_t size, void* self);
  static void on_equal(uc_engine*, std::uint64_t pc, std::uint32_t size, void* self);
  static void on_all_are(uc_engine*, std::uint64_t pc, std::uint32_t size, void* self);
  static void on_update(uc_engine*, std::uint64_t pc, std::uint32_t size, void* self);
  static void on_erase(uc_engine*, std::uint64_t pc, std::uint32_t size, void* self);
  static void on_code(uc_engine*, std::uint64_t pc, std::uint32_t size, void* self);
  static void on_block(uc_engine*, std::uint64_t pc, std::uint32_t size, void* self);
  static void on_sha256(uc_engine*, std::uint64_t pc, std::uint32_t size, void* self);
  static void on_p256(uc_engine*, std::uint64_t pc, std::uint32_t size, void* self);
  static void on_sign(uc_engine*, std::uint64_t pc, std::uint32_t size, void* self);
  static void on_slh_dsa(uc_engine*, std::uint64_t pc, std::uint32_t size, void* self);
  static void on_checksum(uc_engine*, std::uint64_t pc, std::uint32_t size, void* self);
  static void on_fill(uc_engine*, std::uint64_t pc, std::uint32_t size, void* self);
  static bool on_protected(uc_engine*, uc_mem_type, std::uint64_t address, int size, std::int64_t value, void* self);
  static std::uint64_t on_system_read(uc_engine*, std::uint64_t offset, unsigned size, void* self);
  static void on_system_write(uc_engine*, std::uint64_t offset, unsigned size, std::uint64_t value, void* self);

  static std::uint64_t on_uart_read(uc_engine*, std::uint64_t offset, unsigned size, void* self);
  static void on_uart_write(uc_engine*, std::uint64_t offset, unsigned size, std::uint64_t value, void* self);

  bool read(std::uint32_t address, void* to, std::size_t size) const { return uc_mem_read(engine_, address, to, size) == UC_ERR_OK; }
  [[nodiscard]] bool read(std::uint32_t view, Bytes& to, std::uint32_t size_max) const;  // a ByteView of the guest
  bool write(std::uint32_t address, const void* from, std::uint32_t size);
  void trap();
  bool ask(std::uint32_t pc) { return !on_instruction || on_instruction(pc); }
  [[nodiscard]] bool comes_again(std::uint32_t pc);

  Board& board_;
  std::uint32_t area_signature_ = 0;  // the table of functions of the object that reads a signature from flash
  uc_engine* engine_ = nullptr;
  uc_context* own_ = nullptr;  // as it was opened
  std::uint64_t blocks_ = 0;
  std::uint32_t last_block_end_ = 0;
  std::uint64_t blocks_max_ = 0;
  std::vector<bool> is_milestone_;  // by halfword of ROM
  // A state that the run has passed, to be recognised when it comes again.
  struct Passed {
    Registers registers{};
    SavedMemory memory;
    std::array<std::uint32_t, 0x400> system{};
    unsigned compared = 0;
  };
  std::uint64_t cycles_from_ = ~0ULL;
  std::uint64_t next_passed_ = ~0ULL;  // block at which the next one is taken
  Passed passed_;
  unsigned silent_reads_ = 0;
  bool reset_ = false;
  bool too_long_ = false;
  bool asked_ = false;
  bool opened_ = false;
  std::array<std::uint32_t, 0x400> system_{};
};

}  // namespace aseptic::test
