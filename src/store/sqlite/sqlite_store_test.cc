#include "store/sqlite/sqlite_store.h"

#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <unistd.h>

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/strings.h"
#include "store/sqlite/connection.h"

// What only this store has: files, processes, locks, full disks. What every store does is tested in
// tests/contract.
namespace reeve::store {
namespace {

namespace fs = std::filesystem;

constexpr uid_t kNobody = 65534;

journal::ObjectKey mission(std::string name) {
  return {.kind = journal::Kind::Mission, .ns = Namespace("default"), .name = std::move(name)};
}

/// The next commit after `head`: one event and one row of `name`.
Commit next_commit(const Head& head, const std::string& name, std::string data = "{}") {
  Commit commit;
  journal::Event event;
  event.revision = head.revision.next();
  event.object = mission(name);
  event.type = "test.happened";
  event.data = std::move(data);
  journal::Chain(head.chain).link(event);
  commit.rows.push_back(
      {.key = event.object,
       .uid = Uid("u"),
       .revision = event.revision,
       .live = true,
       .body = concat("{\"revision\":", event.revision.value(), "}")}
  );
  commit.events.push_back(std::move(event));
  return commit;
}

Result<void> put(Store& store, const std::string& name, std::string data = "{}") {
  REEVE_TRY(const Head head, store.head());
  return store.commit(next_commit(head, name, std::move(data)));
}

/// Checks the whole journal; the revision of the last good event, or the first error.
Result<Revision> verify(Store& store) {
  journal::ChainVerifier verifier;
  REEVE_TRY(const std::vector<journal::Event> events, store.events({{}, {}, 100'000}));
  for (const journal::Event& event : events) {
    REEVE_CHECK(verifier.check(event));
  }
  return verifier.last();
}

std::string read_all(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

void write_all(const fs::path& path, const std::string& bytes) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

/// Runs `check` in a process of its own, as a user without privileges if this one is root; true if
/// it returned true. No store may be open meanwhile: a child must not inherit connections.
bool in_unprivileged_process(const std::function<bool()>& check) {
  const pid_t child = fork();
  if (child == 0) {
    const bool ready = geteuid() != 0 || seteuid(kNobody) == 0;
    _exit(ready && check() ? 0 : 1);
  }
  int status = 0;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

class SqliteStoreTest : public ::testing::Test {
 protected:
  SqliteStoreTest() {
    std::string pattern = (fs::temp_directory_path() / "reeve-sqlite-XXXXXX").string();
    REEVE_ASSERT(mkdtemp(pattern.data()) != nullptr);
    directory_ = pattern;
    path_ = directory_ / "reeve.db";
  }

  ~SqliteStoreTest() override {
    fs::permissions(directory_, fs::perms::owner_all);
    fs::remove_all(directory_);
  }

  std::unique_ptr<SqliteStore> open(const SqliteOptions& options = {}) {
    Result<std::unique_ptr<SqliteStore>> opened = SqliteStore::open(path_.string(), options);
    if (!opened.ok()) {
      ADD_FAILURE() << opened.error().describe();
      return nullptr;
    }
    return std::move(opened).value();
  }

  Error open_error(const SqliteOptions& options = {}) {
    Result<std::unique_ptr<SqliteStore>> opened = SqliteStore::open(path_.string(), options);
    EXPECT_FALSE(opened.ok());
    return opened.ok() ? Error{} : std::move(opened).error();
  }

  /// Changes the file behind the store's back.
  void tamper(const std::string& sql) {
    Result<sqlite::Connection> raw =
        sqlite::Connection::open(path_.string(), sqlite::Access::Write, Duration(1000));
    ASSERT_TRUE(raw.ok());
    const Result<void> done = raw->execute(sql);
    ASSERT_TRUE(done.ok()) << done.error().describe();
  }

  fs::path wal() const { return path_.string() + "-wal"; }

  fs::path directory_;
  fs::path path_;
};

TEST_F(SqliteStoreTest, CreatesFilesThatOnlyTheirOwnerCanRead) {
  const std::unique_ptr<SqliteStore> store = open();
  ASSERT_TRUE(put(*store, "a").ok());
  for (const fs::path& path : {path_, wal()}) {
    EXPECT_EQ(fs::status(path).permissions(), fs::perms::owner_read | fs::perms::owner_write);
  }
}

TEST_F(SqliteStoreTest, NamesAMissingDirectory) {
  path_ = directory_ / "absent" / "reeve.db";
  const Error error = open_error();
  EXPECT_EQ(error.code, ErrorCode::NotFound);
  EXPECT_EQ(error.subject, path_.string());
}

TEST_F(SqliteStoreTest, RefusesWhatIsNotAFile) {
  fs::create_directory(path_);
  EXPECT_EQ(open_error().code, ErrorCode::Invalid);
}

TEST_F(SqliteStoreTest, RefusesAFileThatIsNoDatabase) {
  write_all(path_, std::string(8192, 'x'));
  const Error error = open_error();
  EXPECT_EQ(error.code, ErrorCode::Corrupt) << error.describe();
  EXPECT_EQ(error.subject, path_.string());
  EXPECT_EQ(read_all(path_), std::string(8192, 'x'));
}

TEST_F(SqliteStoreTest, RefusesAFileOfANewerProgram) {
  open().reset();
  tamper("UPDATE meta SET schema_version = 1000");
  EXPECT_EQ(open_error().code, ErrorCode::Unsupported);
  EXPECT_EQ(open_error({.read_only = true}).code, ErrorCode::Unsupported);
}

TEST_F(SqliteStoreTest, RefusesAFileOfAnotherUserAndNamesTheOwner) {
  if (geteuid() != 0) {
    GTEST_SKIP() << "only root can give files away";
  }
  open().reset();
  fs::permissions(directory_, fs::perms::all);
  EXPECT_TRUE(in_unprivileged_process([&] {
    const Error error = open_error();
    return error.code == ErrorCode::PermissionDenied &&
           error.message.find("root (uid 0)") != std::string::npos;
  }));
}

TEST_F(SqliteStoreTest, RefusesAHeadThatIsNotTheLastEvent) {
  {
    const std::unique_ptr<SqliteStore> store = open();
    ASSERT_TRUE(put(*store, "a").ok());
    ASSERT_TRUE(put(*store, "a").ok());
  }
  tamper("DROP TRIGGER event_is_never_deleted; DELETE FROM event WHERE revision = 2");
  const Error cut = open_error();
  EXPECT_EQ(cut.code, ErrorCode::Corrupt);
  EXPECT_NE(cut.message.find("ends at revision 1"), std::string::npos) << cut.message;
  tamper("UPDATE meta SET head_revision = 1");
  const Error changed = open_error({.read_only = true});
  EXPECT_EQ(changed.code, ErrorCode::Corrupt);
  EXPECT_NE(changed.message.find("chain value"), std::string::npos) << changed.message;
}

TEST_F(SqliteStoreTest, KeepsOtherToolsFromChangingEventsByAccident) {
  const std::unique_ptr<SqliteStore> store = open();
  ASSERT_TRUE(put(*store, "a").ok());
  Result<sqlite::Connection> raw =
      sqlite::Connection::open(path_.string(), sqlite::Access::Write, Duration(1000));
  ASSERT_TRUE(raw.ok());
  EXPECT_FALSE(raw->execute("UPDATE event SET data = '[]'").ok());
  EXPECT_FALSE(raw->execute("DELETE FROM event").ok());
}

TEST_F(SqliteStoreTest, RefusesAStaleSecondWriter) {
  const std::unique_ptr<SqliteStore> first = open();
  const std::unique_ptr<SqliteStore> second = open();
  const Head head = *second->head();
  ASSERT_TRUE(put(*first, "a").ok());
  const Result<void> stale = second->commit(next_commit(head, "b"));
  ASSERT_FALSE(stale.ok());
  EXPECT_EQ(stale.error().code, ErrorCode::Conflict);
  EXPECT_TRUE(put(*second, "b").ok());
  EXPECT_EQ(first->head()->revision, Revision(2));
}

TEST_F(SqliteStoreTest, IsUnavailableWhileAnotherProcessHoldsTheWriteLock) {
  const std::unique_ptr<SqliteStore> store = open({.busy_timeout = Duration(1)});
  {
    Result<sqlite::Connection> raw =
        sqlite::Connection::open(path_.string(), sqlite::Access::Write, Duration(1000));
    ASSERT_TRUE(raw.ok());
    ASSERT_TRUE(raw->execute("BEGIN IMMEDIATE").ok());
    const Result<void> stored = put(*store, "a");
    ASSERT_FALSE(stored.ok());
    EXPECT_EQ(stored.error().code, ErrorCode::Unavailable);
    EXPECT_TRUE(store->head().ok());
  }
  EXPECT_TRUE(put(*store, "a").ok());
}

TEST_F(SqliteStoreTest, TellsWhenAllReadConnectionsAreBusy) {
  const std::unique_ptr<SqliteStore> store =
      open({.busy_timeout = Duration(1), .read_connections_max = 1});
  ASSERT_TRUE(put(*store, "a").ok());
  const Result<void> scanned = store->each_row([&](const Row& row) -> Result<void> {
    REEVE_TRY(const std::optional<Row> again, store->get(row.key));
    return {};
  });
  ASSERT_FALSE(scanned.ok());
  EXPECT_EQ(scanned.error().code, ErrorCode::Unavailable);
  EXPECT_TRUE(store->get(mission("a")).ok());
}

TEST_F(SqliteStoreTest, ReadsWhatTheWriterCommitsMeanwhile) {
  const std::unique_ptr<SqliteStore> writer = open();
  ASSERT_TRUE(put(*writer, "a").ok());
  const std::unique_ptr<SqliteStore> reader = open({.read_only = true});
  EXPECT_EQ(reader->head()->revision, Revision(1));
  ASSERT_TRUE(put(*writer, "b").ok());
  EXPECT_EQ(reader->head()->revision, Revision(2));
  EXPECT_TRUE(reader->get(mission("b"))->has_value());
}

TEST_F(SqliteStoreTest, ReadsInAnotherProcessWhileTheWriterIsOpen) {
  int go[2];
  ASSERT_EQ(pipe(go), 0);
  const pid_t child = fork();
  if (child == 0) {
    char byte = 0;
    const bool told = read(go[0], &byte, 1) == 1;
    const auto reader = SqliteStore::open(path_.string(), {.read_only = true});
    _exit(told && reader.ok() && (*reader)->head()->revision == Revision(2) ? 0 : 1);
  }
  const std::unique_ptr<SqliteStore> writer = open();
  ASSERT_TRUE(put(*writer, "a").ok());
  ASSERT_TRUE(put(*writer, "b").ok());
  ASSERT_EQ(write(go[1], "x", 1), 1);
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  EXPECT_TRUE(put(*writer, "c").ok());
  close(go[0]);
  close(go[1]);
}

TEST_F(SqliteStoreTest, RefusesToWriteWhenOpenedForReading) {
  open().reset();
  const std::unique_ptr<SqliteStore> reader = open({.read_only = true});
  EXPECT_EQ(put(*reader, "a").error().code, ErrorCode::PermissionDenied);
  EXPECT_EQ(reader->forget_inputs({}, 1).error().code, ErrorCode::PermissionDenied);
}

TEST_F(SqliteStoreTest, DoesNotCreateWhatItIsToRead) {
  EXPECT_EQ(open_error({.read_only = true}).code, ErrorCode::NotFound);
  EXPECT_FALSE(fs::exists(path_));
}

/// Makes directory and file readable, but not writable, for the user of in_unprivileged_process.
void give_to_reader(const fs::path& directory, const std::vector<fs::path>& files) {
  for (const fs::path& file : files) {
    if (geteuid() == 0) {
      ASSERT_EQ(chown(file.c_str(), kNobody, kNobody), 0);
    }
  }
  ASSERT_EQ(chmod(directory.c_str(), 0555), 0);
}

TEST_F(SqliteStoreTest, ReadsAClosedStoreInADirectoryItCannotWrite) {
  path_ = directory_ / "odd name?#%é.db";
  {
    const std::unique_ptr<SqliteStore> store = open();
    ASSERT_TRUE(put(*store, "a").ok());
  }
  ASSERT_FALSE(fs::exists(wal()));
  give_to_reader(directory_, {path_});
  EXPECT_TRUE(in_unprivileged_process([&] {
    const std::unique_ptr<SqliteStore> reader = open({.read_only = true});
    return reader != nullptr && reader->get(mission("a"))->has_value();
  }));
}

TEST_F(SqliteStoreTest, ExplainsALogItCannotRead) {
  const fs::path copy = directory_ / "copy";
  fs::create_directory(copy);
  {
    const std::unique_ptr<SqliteStore> store = open();
    ASSERT_TRUE(put(*store, "a").ok());
    fs::copy(path_, copy / "reeve.db");
    fs::copy(wal(), copy / "reeve.db-wal");
  }
  path_ = copy / "reeve.db";
  fs::permissions(directory_, fs::perms::all);
  give_to_reader(copy, {path_, wal()});
  EXPECT_TRUE(in_unprivileged_process([&] {
    const Error error = open_error({.read_only = true});
    return error.code == ErrorCode::PermissionDenied &&
           error.message.find("write-ahead log") != std::string::npos && !error.hint.empty();
  }));
  ASSERT_EQ(chmod(copy.c_str(), 0755), 0);
}

TEST_F(SqliteStoreTest, KeepsItsContentWhenTheDiskIsFull) {
  std::uint64_t stored = 0;
  {
    const std::unique_ptr<SqliteStore> store = open({.pages_max = 40});
    Result<void> result;
    while (result.ok()) {
      result = put(*store, concat("m", stored), std::string(2000, '1'));
      stored += result.ok() ? 1U : 0U;
      ASSERT_LT(stored, 1000U);
    }
    EXPECT_EQ(result.error().code, ErrorCode::LimitExceeded);
    EXPECT_NE(result.error().message.find("disk is full"), std::string::npos);
    EXPECT_FALSE(result.error().hint.empty());
    ASSERT_GT(stored, 2U);
    EXPECT_EQ(*verify(*store), Revision(stored));
    EXPECT_FALSE(store->get(mission(concat("m", stored)))->has_value());
  }
  const std::unique_ptr<SqliteStore> store = open();
  EXPECT_EQ(*verify(*store), Revision(stored));
  EXPECT_TRUE(put(*store, "after").ok());
}

TEST_F(SqliteStoreTest, KeepsWhatItAcknowledgedWhenTheProcessIsKilled) {
  const pid_t child = fork();
  if (child == 0) {
    const auto store = SqliteStore::open(path_.string());
    for (int index = 0; index < 25; ++index) {
      if (!put(**store, concat("m", index)).ok()) {
        _exit(1);
      }
    }
    (void)kill(getpid(), SIGKILL);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status));
  const std::unique_ptr<SqliteStore> store = open();
  EXPECT_EQ(*verify(*store), Revision(25));
  EXPECT_TRUE(store->get(mission("m24"))->has_value());
}

TEST_F(SqliteStoreTest, FallsBackToAWholeCommitWhereverTheLogIsCutOff) {
  std::string file;
  std::string log;
  std::size_t log_of_two = 0;
  {
    const std::unique_ptr<SqliteStore> store = open();
    ASSERT_TRUE(put(*store, "a").ok());
    ASSERT_TRUE(put(*store, "b").ok());
    log_of_two = read_all(wal()).size();
    ASSERT_TRUE(put(*store, "c", std::string(20'000, '1')).ok());
    file = read_all(path_);
    log = read_all(wal());
  }
  ASSERT_GT(log.size(), log_of_two);
  // A prime step: cuts within headers, within pages and between them.
  for (std::size_t size = log_of_two; size <= log.size(); size += 1'009) {
    write_all(path_, file);
    write_all(wal(), log.substr(0, size));
    fs::remove(path_.string() + "-shm");
    const std::unique_ptr<SqliteStore> store = open();
    ASSERT_NE(store, nullptr) << "log cut at " << size;
    EXPECT_EQ(*verify(*store), Revision(2)) << "log cut at " << size;
    EXPECT_FALSE(store->get(mission("c"))->has_value());
    EXPECT_TRUE(put(*store, "d").ok());
  }
  write_all(path_, file);
  write_all(wal(), log);
  EXPECT_EQ(*verify(*open()), Revision(3));
}

TEST_F(SqliteStoreTest, LetsTheVerifierFindAFlippedByteInTheFile) {
  {
    const std::unique_ptr<SqliteStore> store = open();
    for (const char* data : {"{\"v\":\"first\"}", "{\"v\":\"secret\"}", "{\"v\":\"third\"}"}) {
      ASSERT_TRUE(put(*store, "a", data).ok());
    }
  }
  std::string file = read_all(path_);
  const std::size_t at = file.find("secret");
  ASSERT_NE(at, std::string::npos);
  file[at] = static_cast<char>(file[at] ^ 1);
  write_all(path_, file);
  const std::unique_ptr<SqliteStore> store = open();
  const Result<Revision> verdict = verify(*store);
  ASSERT_FALSE(verdict.ok());
  EXPECT_EQ(verdict.error().code, ErrorCode::Corrupt);
  EXPECT_NE(verdict.error().message.find("revision 2 "), std::string::npos);
}

TEST_F(SqliteStoreTest, NoticesAHistoryThatLeadsAstray) {
  {
    const std::unique_ptr<SqliteStore> store = open();
    ASSERT_TRUE(put(*store, "a").ok());
    ASSERT_TRUE(put(*store, "b").ok());
    ASSERT_TRUE(put(*store, "a").ok());
  }
  const EventQuery history{.after = {}, .object = mission("a"), .limit = 10};
  tamper("DROP TRIGGER event_is_never_changed; UPDATE event SET previous = 3 WHERE revision = 3");
  EXPECT_EQ(open()->events(history).error().code, ErrorCode::Corrupt);
  tamper("UPDATE event SET previous = 2 WHERE revision = 3");
  EXPECT_EQ(open()->events(history).error().code, ErrorCode::Corrupt);
  tamper("UPDATE event SET previous = 1 WHERE revision = 3");
  EXPECT_EQ(open()->events(history)->size(), 2U);
}

TEST_F(SqliteStoreTest, NoticesValuesItNeverWrote) {
  {
    const std::unique_ptr<SqliteStore> store = open();
    ASSERT_TRUE(put(*store, "a").ok());
    ASSERT_TRUE(put(*store, "b").ok());
  }
  tamper("DROP TRIGGER event_is_never_changed; UPDATE event SET chain = x'00' WHERE revision = 1");
  EXPECT_EQ(open()->events({}).error().code, ErrorCode::Corrupt);
  tamper("UPDATE event SET chain = zeroblob(32), kind = 'teapot' WHERE revision = 1");
  const Result<std::vector<journal::Event>> events = open()->events({});
  ASSERT_FALSE(events.ok());
  EXPECT_NE(events.error().message.find("teapot"), std::string::npos);
}

TEST_F(SqliteStoreTest, MovesTheLogIntoTheFileWhenClosed) {
  {
    const std::unique_ptr<SqliteStore> store = open();
    ASSERT_TRUE(put(*store, "a").ok());
    ASSERT_TRUE(store->head().ok());
    EXPECT_TRUE(fs::exists(wal()));
  }
  EXPECT_FALSE(fs::exists(wal()));
  EXPECT_EQ(open()->head()->revision, Revision(1));
}

}  // namespace
}  // namespace reeve::store
