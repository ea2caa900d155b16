#include "api/view/stem.h"

#include <string>

#include <gtest/gtest.h>

namespace reeve::api::view {
namespace {

constexpr Place kPlace{.ns = "default", .name = "m1"};

store::Row row_of(std::uint64_t revision, std::string body) {
  store::Row row;
  row.uid = Uid("uid-1");
  row.revision = Revision(revision);
  row.body = std::move(body);
  return row;
}

StemPtr follow(const StemPtr& previous, const StemUpdate& update) {
  return Stem::follow(journal::Kind::Mission, kPlace, previous.get(), update);
}

TEST(Stem, KeepsTheRowAsItWasCommitted) {
  const store::Row row = row_of(3, R"({"a":1})");
  const StemPtr stem = follow(nullptr, {.row = &row});
  ASSERT_TRUE(stem->exists());
  EXPECT_EQ(stem->place(), kPlace);
  EXPECT_EQ(stem->revision(), Revision(3));
  EXPECT_EQ(stem->row()->uid, "uid-1");
  EXPECT_EQ(stem->row()->body, R"({"a":1})");
  EXPECT_FALSE(stem->sidecar());
}

TEST(Stem, HasTheRevisionOfItsLastChangeOfEitherRow) {
  const store::Row row = row_of(3, "{}");
  const store::Row sidecar = row_of(5, R"({"labels":{}})");
  const StemPtr first = follow(nullptr, {.row = &row});
  const StemPtr second = follow(first, {.sidecar = &sidecar});
  EXPECT_EQ(second->revision(), Revision(5));
  EXPECT_EQ(second->row()->revision, Revision(3));
  EXPECT_EQ(second->row()->body.data(), first->row()->body.data()) << "the text is shared";
  EXPECT_EQ(second->sidecar()->body, R"({"labels":{}})");

  const store::Row gone = row_of(8, R"({"deleted":true})");
  const StemPtr third = follow(second, {.sidecar = &gone, .sidecar_deleted = true});
  EXPECT_EQ(third->revision(), Revision(8));
  EXPECT_FALSE(third->sidecar());
  EXPECT_TRUE(third->exists());
}

TEST(Stem, MetadataMayBeThereBeforeAndAfterItsRow) {
  const store::Row sidecar = row_of(2, "{}");
  const StemPtr first = follow(nullptr, {.sidecar = &sidecar});
  ASSERT_NE(first, nullptr);
  EXPECT_FALSE(first->exists());
  EXPECT_FALSE(first->row());
  EXPECT_EQ(first->place(), kPlace);

  const store::Row row = row_of(4, R"({"b":2})");
  const StemPtr second = follow(first, {.row = &row});
  EXPECT_TRUE(second->exists());
  EXPECT_TRUE(second->sidecar());

  const store::Row gone = row_of(6, R"({"deleted":true})");
  const StemPtr third = follow(second, {.row = &gone, .row_deleted = true});
  ASSERT_NE(third, nullptr);
  EXPECT_FALSE(third->exists());
  EXPECT_EQ(third->size_bytes(), kPlace.ns.size() + kPlace.name.size() + 7) << "without the body";
}

TEST(Stem, IsGoneWhenBothRowsAre) {
  const store::Row row = row_of(1, "{}");
  const store::Row gone = row_of(2, R"({"deleted":true})");
  EXPECT_EQ(follow(nullptr, {.row = &gone, .row_deleted = true}), nullptr);
  EXPECT_EQ(follow(follow(nullptr, {.row = &row}), {.row = &gone, .row_deleted = true}), nullptr);
}

}  // namespace
}  // namespace reeve::api::view
