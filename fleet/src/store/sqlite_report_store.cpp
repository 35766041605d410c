// SPDX-License-Identifier: Apache-2.0
#include "aseptic/fleet/sqlite_report_store.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

#include "aseptic/fleet/codes.h"
#include "aseptic/fleet/limits.h"

namespace aseptic::fleet {
namespace {

using core::Bytes;
using core::ByteView;
using core::Digest;
using core::Error;
using core::Result;
using core::UtcTime;

constexpr int kSchemaVersion = 1;
constexpr int kBusyTimeoutMs = 5000;  // another process may read the file meanwhile

constexpr const char* kSchema = R"(
CREATE TABLE device (
  tenant TEXT NOT NULL, device TEXT NOT NULL,
  sequence INTEGER NOT NULL, digest BLOB NOT NULL, log_count INTEGER NOT NULL, log_head BLOB NOT NULL,
  PRIMARY KEY (tenant, device)) STRICT, WITHOUT ROWID;
CREATE TABLE report (
  tenant TEXT NOT NULL, device TEXT NOT NULL, sequence INTEGER NOT NULL, digest BLOB NOT NULL,
  received_at INTEGER NOT NULL, fresh INTEGER NOT NULL, state TEXT NOT NULL, last_error TEXT NOT NULL, file BLOB NOT NULL,
  PRIMARY KEY (tenant, device, sequence)) STRICT;
CREATE TABLE alarm (
  id INTEGER PRIMARY KEY, tenant TEXT NOT NULL, device TEXT NOT NULL, reason TEXT NOT NULL, file_digest BLOB NOT NULL,
  raised_at INTEGER NOT NULL, count INTEGER NOT NULL, sentence TEXT NOT NULL,
  UNIQUE (tenant, device, reason, file_digest)) STRICT;
CREATE TABLE nonce (
  tenant TEXT NOT NULL, device TEXT NOT NULL, nonce BLOB NOT NULL, issued_at INTEGER NOT NULL,
  PRIMARY KEY (tenant, device)) STRICT, WITHOUT ROWID;
)";

struct CloseDatabase {
  void operator()(sqlite3* database) const { sqlite3_close(database); }
};
struct FinishStatement {
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};
using Database = std::unique_ptr<sqlite3, CloseDatabase>;

Error store_error(sqlite3* database, std::string_view doing) {
  return {FleetCode::kStore, "the report store failed to " + std::string(doing) + ": " + sqlite3_errmsg(database)};
}

std::int64_t seconds_of(UtcTime time) { return time.time_since_epoch().count(); }
UtcTime time_of(std::int64_t seconds) { return UtcTime(std::chrono::seconds(seconds)); }

// One prepared statement: bind in order, then run or step. Values live until it is gone.
class Statement {
 public:
  Statement(sqlite3* database, const char* sql) : database_(database) {
    sqlite3_stmt* made = nullptr;
    status_ = sqlite3_prepare_v2(database, sql, -1, &made, nullptr);
    statement_.reset(made);
  }
  Statement& bind(std::int64_t value) { return note(sqlite3_bind_int64(statement_.get(), ++bound_, value)); }
  Statement& bind(std::uint64_t value) { return bind(static_cast<std::int64_t>(value)); }
  Statement& bind(const std::string& value) {
    return note(sqlite3_bind_text64(statement_.get(), ++bound_, value.data(), value.size(), SQLITE_TRANSIENT, SQLITE_UTF8));
  }
  Statement& bind(ByteView value) {
    // A null pointer would bind NULL; an empty blob is meant.
    const void* data = value.empty() ? static_cast<const void*>("") : value.data();
    return note(sqlite3_bind_blob64(statement_.get(), ++bound_, data, value.size(), SQLITE_TRANSIENT));
  }
  Statement& bind(const DeviceName& name) { return bind(name.tenant).bind(name.device); }

  // True when there is a row.
  Result<bool> step(std::string_view doing) {
    if (status_ == SQLITE_OK) status_ = sqlite3_step(statement_.get());
    const int status = status_;
    if (status == SQLITE_ROW) {
      status_ = SQLITE_OK;
      return true;
    }
    if (status == SQLITE_DONE) return false;
    return store_error(database_, doing);
  }
  Result<void> run(std::string_view doing) {
    ASEPTIC_TRY(const bool ignored, step(doing));
    static_cast<void>(ignored);
    return {};
  }

  [[nodiscard]] std::int64_t integer(int column) const { return sqlite3_column_int64(statement_.get(), column); }
  [[nodiscard]] Bytes blob(int column) const {
    const auto* data = static_cast<const std::uint8_t*>(sqlite3_column_blob(statement_.get(), column));
    const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement_.get(), column));
    return data == nullptr ? Bytes() : Bytes(data, data + size);
  }
  [[nodiscard]] std::string text(int column) const {
    const Bytes bytes = blob(column);
    return std::string(core::as_text(bytes));
  }
  [[nodiscard]] Result<Digest> digest(int column) const { return Digest::from_bytes(blob(column)); }

 private:
  Statement& note(int status) {
    if (status_ == SQLITE_OK) status_ = status;
    return *this;
  }
  sqlite3* database_;
  std::unique_ptr<sqlite3_stmt, FinishStatement> statement_;
  int status_ = SQLITE_OK;
  int bound_ = 0;
};

Result<void> execute(sqlite3* database, const char* sql, std::string_view doing) {
  if (sqlite3_exec(database, sql, nullptr, nullptr, nullptr) == SQLITE_OK) return {};
  return store_error(database, doing);
}

// Rolls back unless commit() succeeded.
class Transaction {
 public:
  static Result<Transaction> begin(sqlite3* database) {
    ASEPTIC_TRY_VOID(execute(database, "BEGIN IMMEDIATE", "begin"));
    return Transaction(database);
  }
  Transaction(Transaction&& other) noexcept : database_(std::exchange(other.database_, nullptr)) {}
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  Transaction& operator=(Transaction&&) = delete;
  ~Transaction() {
    if (database_ != nullptr) sqlite3_exec(database_, "ROLLBACK", nullptr, nullptr, nullptr);
  }
  Result<void> commit() {
    ASEPTIC_TRY_VOID(execute(database_, "COMMIT", "commit"));
    database_ = nullptr;
    return {};
  }

 private:
  explicit Transaction(sqlite3* database) : database_(database) {}
  sqlite3* database_;
};

class SqliteReportStore : public ReportStore {
 public:
  explicit SqliteReportStore(Database database) : database_(std::move(database)) {}

  Result<trust::LastReport> last_report(const DeviceName& name) override {
    Statement query(database_.get(), "SELECT sequence, digest, log_count, log_head FROM device WHERE tenant = ? AND device = ?");
    ASEPTIC_TRY(const bool there, query.bind(name).step("read a device"));
    if (!there) return trust::LastReport{};
    trust::LastReport last{.sequence = static_cast<std::uint64_t>(query.integer(0)), .log_count = static_cast<std::uint64_t>(query.integer(2))};
    ASEPTIC_TRY(last.digest, query.digest(1));
    ASEPTIC_TRY(last.log_head, query.digest(3));
    return last;
  }

  Result<void> accept(const DeviceName& name, const StoredReport& report, const trust::LastReport& last) override {
    ASEPTIC_TRY(Transaction transaction, Transaction::begin(database_.get()));
    Statement insert(database_.get(), "INSERT INTO report VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)");
    insert.bind(name).bind(report.sequence).bind(ByteView(report.digest.bytes)).bind(seconds_of(report.received_at));
    insert.bind(std::int64_t{report.is_fresh ? 1 : 0}).bind(report.state).bind(report.last_error).bind(ByteView(report.file));
    ASEPTIC_TRY_VOID(insert.run("store a report"));
    Statement update(database_.get(),
                     "INSERT INTO device VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET sequence = excluded.sequence, "
                     "digest = excluded.digest, log_count = excluded.log_count, log_head = excluded.log_head");
    update.bind(name).bind(last.sequence).bind(ByteView(last.digest.bytes)).bind(last.log_count).bind(ByteView(last.log_head.bytes));
    ASEPTIC_TRY_VOID(update.run("store a device"));
    if (report.is_fresh) {
      Statement use(database_.get(), "DELETE FROM nonce WHERE tenant = ? AND device = ?");
      ASEPTIC_TRY_VOID(use.bind(name).run("use a nonce up"));
    }
    return transaction.commit();
  }

  Result<void> raise(const DeviceName& name, const Alarm& alarm) override {
    ASEPTIC_TRY(Transaction transaction, Transaction::begin(database_.get()));
    Statement again(database_.get(), "UPDATE alarm SET count = count + 1 WHERE tenant = ? AND device = ? AND reason = ? AND file_digest = ?");
    ASEPTIC_TRY_VOID(again.bind(name).bind(alarm.reason).bind(ByteView(alarm.file_digest.bytes)).run("count an alarm"));
    if (sqlite3_changes(database_.get()) == 0) {
      // The newest alarms of a device that never stops are dropped; the first ones say what happened.
      Statement insert(database_.get(),
                       "INSERT INTO alarm (tenant, device, reason, file_digest, raised_at, count, sentence) SELECT ?1, ?2, ?3, ?4, ?5, 1, ?6 "
                       "WHERE (SELECT count(*) FROM alarm WHERE tenant = ?1 AND device = ?2) < ?7");
      insert.bind(name).bind(alarm.reason).bind(ByteView(alarm.file_digest.bytes)).bind(seconds_of(alarm.raised_at));
      ASEPTIC_TRY_VOID(insert.bind(alarm.sentence).bind(std::uint64_t{kAlarmsPerDeviceMax}).run("store an alarm"));
    }
    return transaction.commit();
  }

  Result<void> set_nonce(const DeviceName& name, ByteView nonce, UtcTime issued_at) override {
    Statement insert(database_.get(), "INSERT OR REPLACE INTO nonce VALUES (?, ?, ?, ?)");
    return insert.bind(name).bind(nonce).bind(seconds_of(issued_at)).run("store a nonce");
  }

  Result<Bytes> nonce(const DeviceName& name, UtcTime not_before) override {
    Statement query(database_.get(), "SELECT nonce FROM nonce WHERE tenant = ? AND device = ? AND issued_at >= ?");
    ASEPTIC_TRY(const bool there, query.bind(name).bind(seconds_of(not_before)).step("read a nonce"));
    return there ? query.blob(0) : Bytes();
  }

  Result<std::vector<StoredReport>> reports(const DeviceName& name, std::size_t count_max) override {
    Statement query(database_.get(),
                    "SELECT sequence, digest, received_at, fresh, state, last_error, file FROM report WHERE tenant = ? AND device = ? "
                    "ORDER BY sequence DESC LIMIT ?");
    query.bind(name).bind(std::uint64_t{count_max});
    std::vector<StoredReport> reports;
    while (true) {
      ASEPTIC_TRY(const bool there, query.step("list reports"));
      if (!there) return reports;
      StoredReport report{.sequence = static_cast<std::uint64_t>(query.integer(0)), .received_at = time_of(query.integer(2)),
                          .is_fresh = query.integer(3) != 0, .state = query.text(4), .last_error = query.text(5), .file = query.blob(6)};
      ASEPTIC_TRY(report.digest, query.digest(1));
      reports.push_back(std::move(report));
    }
  }

  Result<std::vector<std::string>> devices(const std::string& tenant) override {
    Statement query(database_.get(), "SELECT device FROM device WHERE tenant = ? ORDER BY device");
    query.bind(tenant);
    std::vector<std::string> devices;
    while (true) {
      ASEPTIC_TRY(const bool there, query.step("list devices"));
      if (!there) return devices;
      devices.push_back(query.text(0));
    }
  }

  Result<std::vector<AlarmOfDevice>> alarms(const std::string& tenant, std::size_t count_max) override {
    Statement query(database_.get(),
                    "SELECT device, raised_at, reason, file_digest, count, sentence FROM alarm WHERE tenant = ? ORDER BY id DESC LIMIT ?");
    query.bind(tenant).bind(std::uint64_t{count_max});
    std::vector<AlarmOfDevice> alarms;
    while (true) {
      ASEPTIC_TRY(const bool there, query.step("list alarms"));
      if (!there) return alarms;
      AlarmOfDevice entry{.name = {tenant, query.text(0)},
                          .alarm = {.raised_at = time_of(query.integer(1)), .reason = query.text(2),
                                    .count = static_cast<std::uint64_t>(query.integer(4)), .sentence = query.text(5)}};
      ASEPTIC_TRY(entry.alarm.file_digest, query.digest(3));
      alarms.push_back(std::move(entry));
    }
  }

 private:
  Database database_;
};

Result<void> prepare_schema(sqlite3* database, const std::string& path) {
  ASEPTIC_TRY_VOID(execute(database, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA trusted_schema = OFF;", "be set up"));
  ASEPTIC_TRY(Transaction transaction, Transaction::begin(database));
  Statement query(database, "PRAGMA user_version");
  ASEPTIC_TRY(const bool there, query.step("tell its version"));
  const auto version = there ? query.integer(0) : 0;
  if (version == kSchemaVersion) return {};
  if (version != 0)
    return Error(FleetCode::kStoreVersion, "the report store " + path + " has schema version " + std::to_string(version) +
                                               ", this server needs " + std::to_string(kSchemaVersion));
  ASEPTIC_TRY_VOID(execute(database, kSchema, "make its tables"));
  ASEPTIC_TRY_VOID(execute(database, "PRAGMA user_version = 1", "note its version"));
  return transaction.commit();
}

}  // namespace

Result<std::unique_ptr<ReportStore>> open_sqlite_report_store(const std::string& path) {
  // Made here first, so that SQLite's files take over mode 0600.
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return Error(FleetCode::kStore, "the report store " + path + " cannot be opened or made");
  ::close(fd);
  sqlite3* raw = nullptr;
  const int status = sqlite3_open_v2(path.c_str(), &raw, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, nullptr);
  Database database(raw);
  if (status != SQLITE_OK) return store_error(database.get(), "open " + path);
  sqlite3_busy_timeout(database.get(), kBusyTimeoutMs);
  ASEPTIC_TRY_VOID(prepare_schema(database.get(), path));
  return std::unique_ptr<ReportStore>(std::make_unique<SqliteReportStore>(std::move(database)));
}

}  // namespace aseptic::fleet
