#include <filesystem>
#include <stdlib.h>

#include "store/faulty/faulty_store.h"
#include "store/memory/memory_store.h"
#include "store/sqlite/sqlite_store.h"
#include "store_contract.h"

// The stores that the suite in store_contract_test.cc runs on. A new store is added here.
namespace reeve::store {
namespace {

class MemoryUnderTest final : public StoreUnderTest {
 public:
  Store& store() override { return *store_; }

  void reopen() override { store_ = store_->clone(); }

 private:
  std::unique_ptr<MemoryStore> store_ = std::make_unique<MemoryStore>();
};

class SqliteUnderTest final : public StoreUnderTest {
 public:
  SqliteUnderTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "reeve-store-XXXXXX").string();
    REEVE_ASSERT(mkdtemp(pattern.data()) != nullptr);
    directory_ = pattern;
    open();
  }

  ~SqliteUnderTest() override {
    store_.reset();
    std::filesystem::remove_all(directory_);
  }

  Store& store() override { return *store_; }

  void reopen() override {
    store_.reset();
    open();
  }

 private:
  void open() {
    Result<std::unique_ptr<SqliteStore>> opened =
        SqliteStore::open((directory_ / "reeve.db").string());
    if (!opened.ok()) {
      ADD_FAILURE() << opened.error().describe();
    }
    store_ = std::move(opened).value();
  }

  std::filesystem::path directory_;
  std::unique_ptr<SqliteStore> store_;
};

/// A decorator that never strikes must not be noticed.
class QuietFaultyUnderTest final : public StoreUnderTest {
 public:
  Store& store() override { return *faulty_; }

  void reopen() override {
    inner_ = inner_->clone();
    faulty_ = std::make_unique<FaultyStore>(*inner_, never);
  }

 private:
  static Fault never(FaultPoint) { return Fault::None; }

  std::unique_ptr<MemoryStore> inner_ = std::make_unique<MemoryStore>();
  std::unique_ptr<FaultyStore> faulty_ = std::make_unique<FaultyStore>(*inner_, never);
};

INSTANTIATE_TEST_SUITE_P(
    All,
    StoreContract,
    ::testing::Values(
        StoreKind{
            "Memory",
            [] {
              return std::make_unique<MemoryUnderTest>();
            }},
        StoreKind{
            "Sqlite",
            [] {
              return std::make_unique<SqliteUnderTest>();
            }},
        StoreKind{
            "QuietFaulty",
            [] {
              return std::make_unique<QuietFaultyUnderTest>();
            }}
    ),
    [](const ::testing::TestParamInfo<StoreKind>& info) { return info.param.name; }
);

}  // namespace
}  // namespace reeve::store
